"""What a reproduction has done so far, in its folder: one small file for each finished stage, and the time spent."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from genlatent import storage
from genlatent.errors import RunError

STAGES, SPENT, ABOUT = "stages", "spent.json", "reproduction.json"


class Spent(NamedTuple):
    """Minutes on the clock, and of the processors."""

    minutes: float = 0.0
    processor_minutes: float = 0.0


@runtime_checkable
class Found(Protocol):
    """What a record is made from."""

    def done(self, key: str) -> Any:
        """What a finished stage found, or None."""
        ...

    def minutes(self, prefix: str) -> Spent:
        """Of all stages whose names begin so."""
        ...


class Ledger:
    """The folder of one reproduction.

    Args:
        place: the folder.
        about: what decides the numbers; its lists may have grown at the end since the folder was begun, and a folder
            that was begun with anything else is refused.
    """

    def __init__(self, place: Path, about: dict[str, Any]):
        self.place, self.about = place, about
        storage.remove_partial(place)
        storage.remove_partial(place / STAGES)
        self._same()
        spent = place / SPENT
        found = storage.read_json(spent) if spent.is_file() else {}
        self.spent: dict[str, Spent] = {key: Spent(*values) for key, values in found.items()}

    def _same(self) -> None:
        place = self.place / ABOUT
        if place.is_file() and not _goes_on(storage.read_json(place), self.about):
            raise RunError(
                f"{self.place} was begun with another definition of {self.about['name']!r}, or with other seeds; "
                "go on with those, or name another folder: --out"
            )
        storage.write_json(place, self.about)

    def done(self, key: str) -> Any:
        """What a finished stage found, or None."""
        place = self._place(key)
        return storage.read_json(place) if place.is_file() else None

    def keep(self, key: str, found: Any) -> Any:
        """Note that a stage is finished, in one go."""
        storage.write_json(self._place(key), found)
        return found

    def forget(self, key: str) -> None:
        """Remove what another stage has taken in."""
        self._place(key).unlink(missing_ok=True)

    def _place(self, key: str) -> Path:
        return self.place / STAGES / f"{key}.json"

    @contextmanager
    def timed(self, key: str) -> Iterator[None]:
        """Add the time that passes inside to a stage, however it ends."""
        start = _now()
        try:
            yield
        finally:
            before, passed = self.spent.get(key, Spent()), (b - a for a, b in zip(start, _now()))
            self.spent[key] = Spent(*(a + b for a, b in zip(before, passed)))
            storage.write_json(self.place / SPENT, self.spent)

    def minutes(self, prefix: str) -> Spent:
        """Of all stages whose names begin so."""
        found = [spent for key, spent in self.spent.items() if key.startswith(prefix)]
        return Spent(*(sum(values) for values in zip(*found))) if found else Spent()


def _goes_on(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether the same is there, and perhaps more at the end of its lists."""
    return before.keys() == now.keys() and all(
        now[key][: len(begun)] == begun if isinstance(begun, list) else now[key] == begun
        for key, begun in before.items()
    )


class Nothing:
    """The ledger of what was never begun."""

    def done(self, key: str) -> Any:
        """No stage is."""
        return None

    def minutes(self, prefix: str) -> Spent:
        """None."""
        return Spent()


def _now() -> Spent:
    """Of this process and those that it waited for."""
    times = os.times()
    used = times.user + times.system + times.children_user + times.children_system
    return Spent(time.monotonic() / 60, used / 60)
