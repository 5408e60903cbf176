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
        about: what decides the numbers, in its lists of each part; the folder is refused where a part that something
            was done for has changed since.
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
        if place.is_file() and not self._goes_on(storage.read_json(place)):
            raise RunError(
                f"{self.place} was begun with another definition of {self.about['name']!r}, or with other seeds; "
                "go on with those, or name another folder: --out"
            )
        storage.write_json(place, self.about)

    def _goes_on(self, before: dict[str, Any]) -> bool:
        """Whether all that has been begun is as it was."""
        if before.keys() != self.about.keys():
            return False
        places = [*self.place.glob("part-*"), *(self.place / STAGES).glob("part-*")]
        begun = {int(path.name.split("-")[1]) - 1 for path in places}
        return all(
            all(now[n : n + 1] == was[n : n + 1] for n in begun) if isinstance(was, list) else now == was
            for was, now in ((was, self.about[key]) for key, was in before.items())
        )

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
    def timed(self, key: str, afresh: bool = False) -> Iterator[None]:
        """Add the time that passes inside to a stage, however it ends; `afresh` if nothing is left of its beginning."""
        start = _now()
        if afresh:
            self.spent.pop(key, None)
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
