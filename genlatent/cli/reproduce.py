"""`genlatent reproduce`: published figures, trained and judged here, beside what was published."""

from pathlib import Path
from typing import Annotated, Any

import typer

from genlatent.cli import options
from genlatent.errors import RecipeError

ENTRIES = Path(__file__).parents[1] / "reproduce"


def _names(incomplete: str) -> list[str]:
    """What a shell offers after a tab."""
    return [path.stem for path in sorted(ENTRIES.glob("*.yaml")) if path.stem.startswith(incomplete)]


def reproduce(
    name: Annotated[
        str | None,
        typer.Argument(help="A reproduction (see --list), or a YAML file of your own.", autocompletion=_names),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Show all, with what was found so far.")] = False,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Stop after so many; the same command goes on where it stopped.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of its runs and of the record; reproductions/NAME unless given.")
    ] = None,
    records: Annotated[
        Path | None, typer.Option(help="Folder for the record, as NAME.json; with --list, the folder to show.")
    ] = None,
    seed: Annotated[list[int] | None, typer.Option(help="Instead of its own seeds; once for each.")] = None,
    slim: Annotated[bool, typer.Option("--slim", help="Remove the weights of a model once it is judged.")] = False,
    device: options.Device = "auto",
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> int:
    """Train and judge what a publication reports, and write the record: published figure, ours, interval, verdict.

    What is chosen is chosen on a validation part; each trained model is judged on the test part once. `genlatent
    reproduce rbm-mnist --minutes 30` works for half an hour, and the same command goes on from there, also after
    Ctrl-C.

    Example: genlatent reproduce --list
    """
    from genlatent.cli.terminal import Terminal

    terminal = Terminal(quiet=quiet, as_json=as_json)
    if list_ == (name is not None):
        raise RecipeError("name a reproduction, for example rbm-mnist, or see them all: --list")
    if name is None:
        return _listed(terminal, records)
    return _carried_out(name, terminal, minutes, out, records, tuple(seed or ()), slim, device)


def _listed(terminal: Any, records: Path | None) -> int:
    from genlatent.reproduce import table
    from genlatent.reproduce.schema import TAGS

    rows = table.listed(table.records(records))
    terminal.table(table.text(rows))
    terminal.say("\n" + "; ".join(f"[{tag}] {meaning}" for tag, meaning in TAGS.items()))
    terminal.result(rows)
    return 0


def _carried_out(
    name: str,
    terminal: Any,
    minutes: float | None,
    out: Path | None,
    records: Path | None,
    seeds: tuple[int, ...],
    slim: bool,
    device: str,
) -> int:
    from genlatent.cli.interrupts import stopping_on_request
    from genlatent.cli.progress import stepping, watching
    from genlatent.cli.train import INTERRUPTED
    from genlatent.numerics import devices
    from genlatent.reproduce import table
    from genlatent.reproduce.clock import Clock
    from genlatent.reproduce.reading import read
    from genlatent.reproduce.slices import carry_out

    entry = read(name)
    entry = entry._replace(content=entry.content.seeded(seeds)) if seeds else entry
    place = out or table.OWN / entry.name
    keep = place / table.FILE if records is None else records / f"{entry.name}.json"
    with stopping_on_request() as stop:
        found = carry_out(
            entry,
            place,
            keep,
            command=_command(entry, None, None, seeds, False, None),
            clock=Clock(minutes, lambda: stop.requested),
            device=devices.find(device),
            callbacks=watching(terminal),
            say=terminal.say,
            stepping=lambda text: stepping(terminal, text),
            slim=slim,
        )
    terminal.table(table.text([table.row(found, part) for part in found["parts"]]))
    terminal.say(f"{found['progress']} -> {keep}")
    if not found["complete"]:
        terminal.say(f"Go on with: {_command(entry, out, records, seeds, slim, minutes)}")
    terminal.result(found)
    return INTERRUPTED if stop.requested and not found["complete"] else 0


def _command(
    entry: Any, out: Path | None, records: Path | None, seeds: tuple[int, ...], slim: bool, minutes: float | None
) -> str:
    """The same command again."""
    words = ["genlatent", "reproduce", entry.asked]
    for option, value in (
        ("--out", out),
        ("--records", records),
        *(("--seed", s) for s in seeds),
        ("--minutes", minutes),
    ):
        words += [] if value is None else [option, f"{value:g}" if isinstance(value, float) else str(value)]
    return " ".join([*words, *(["--slim"] if slim else [])])
