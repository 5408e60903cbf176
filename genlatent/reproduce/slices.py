"""A reproduction carried out in slices: each goes on where the one before stopped, and leaves the record so far."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from genlatent import storage
from genlatent.reproduce import machine
from genlatent.reproduce.clock import Clock, SliceOver
from genlatent.reproduce.ledger import Ledger
from genlatent.reproduce.reading import Entry, definition
from genlatent.reproduce.record import record
from genlatent.reproduce.stages import Circumstances, Shelf, Stages, Stepping, first_recipe, unwatched
from genlatent.training.callbacks import Callback

SLICES = "slices"


def carry_out(
    entry: Entry,
    place: Path,
    keep: Path,
    *,
    command: str,
    clock: Clock,
    device: torch.device,
    callbacks: Sequence[Callback] = (),
    say: Callable[[str], None] = lambda text: None,
    stepping: Stepping = unwatched,
    slim: bool = False,
) -> dict[str, Any]:
    """Go on until the end or until the slice is over, and return the record, which is written to `keep` as well.

    Args:
        entry: what is reproduced.
        place: the folder of its runs and of what is finished.
        keep: the file of the record.
        command: that it says it was made by.
        clock: when the slice is over.
        device: where to compute.
        callbacks, say, stepping: how it is watched.
        slim: whether weights are removed once they are judged.
    """
    shelf = Shelf()
    shelf.data(first_recipe(entry.content.parts[0]))  # where there are none, nothing is begun
    place.mkdir(parents=True, exist_ok=True)
    with storage.lock(place / ".lock", f"{place} is being written by another process; wait for it to end"):
        seeds = [list(part.seeds) for part in entry.content.parts]
        ledger = Ledger(place, {"name": entry.name, "parts": definition(entry.content), "seeds": seeds})
        how = Circumstances(ledger, shelf, clock, device, callbacks, say, stepping, slim)

        def write() -> dict[str, Any]:
            storage.write_json(keep, record(entry.name, entry.content, command, ledger, _where(ledger)))
            return storage.read_json(keep)

        if not write()["complete"]:
            _begin(ledger, device)
            try:
                _work(entry, how)
            finally:
                write()
    return storage.read_json(keep)


def _work(entry: Entry, how: Circumstances) -> None:
    """All that is left, or until the slice is over."""
    try:
        for number in range(1, len(entry.content.parts) + 1):
            Stages(entry.content, number, how).run()
    except SliceOver:
        how.say("the slice is over")


def _begin(ledger: Ledger, device: torch.device) -> None:
    """Note where a slice is worked at."""
    before = ledger.done(SLICES) or []
    ledger.keep(SLICES, [*before, {"machine": machine.machine(device), "versions": machine.versions()}])


def _where(ledger: Ledger) -> dict[str, Any]:
    """Where all slices were worked at; the versions are those of the last."""
    found = ledger.done(SLICES) or []
    machines = "; ".join(dict.fromkeys(one["machine"] for one in found))
    return {"machine": machines, "versions": found[-1]["versions"] if found else {}, "slices": len(found)}
