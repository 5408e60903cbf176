"""The metrics of an epoch: they wait on the device, are read in bulk, and summed."""

from typing import NamedTuple

import torch
from torch import Tensor

WAITING = 500  # steps whose metrics wait on the device before they are read


class Broken(NamedTuple):
    """The first metric that is not finite."""

    name: str
    value: float
    behind: int  # how many steps were taken since


class Tally:
    """Sums over the steps of an epoch.

    >>> tally = Tally()
    >>> tally.add(torch.tensor(1.0), {"kl": torch.tensor(0.5)})
    >>> tally.add(torch.tensor(3.0), {"kl": torch.tensor(0.5)})
    >>> tally.read()
    >>> tally.means()
    {'loss': 2.0, 'kl': 0.5}
    """

    def __init__(self):
        self.sums: dict[str, float] = {}
        self.steps = 0
        self._waiting: list[dict[str, Tensor]] = []

    @property
    def full(self) -> bool:
        """Whether so many steps wait that they should be read."""
        return len(self._waiting) >= WAITING

    def add(self, value: Tensor, metrics: dict[str, Tensor]) -> None:
        """What one step found; a metric called `loss` stands for the value that is minimised."""
        self._waiting.append({"loss": value, **metrics})

    def read(self) -> Broken | None:
        """Sum what waits; nothing of it where a number is not finite, and the first such one is told."""
        if not self._waiting:
            return None
        names = list(self._waiting[0])
        rows = torch.stack([torch.stack([m[name].double() for name in names]) for m in self._waiting]).cpu()
        finite = rows.isfinite().all(1)
        if not bool(finite.all()):
            return _broken(names, rows, int((~finite).nonzero()[0]))
        for name, total in zip(names, rows.sum(0).tolist()):
            self.sums[name] = self.sums.get(name, 0.0) + total
        self.steps += len(rows)
        self._waiting = []
        return None

    def means(self) -> dict[str, float]:
        """The mean of each metric over what was read, and a new beginning."""
        found = {name: total / self.steps for name, total in self.sums.items()}
        self.sums, self.steps = {}, 0
        return found


def _broken(names: list[str], rows: Tensor, number: int) -> Broken:
    """A part of the loss is named before the loss, which it spoilt."""
    spoilt = [name for name, value in zip(names, rows[number]) if not bool(value.isfinite())]
    name = next((name for name in spoilt if name != "loss"), "loss")
    return Broken(name, rows[number][names.index(name)].item(), len(rows) - number - 1)
