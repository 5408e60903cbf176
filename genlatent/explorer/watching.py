"""Running R-hat of chains that somebody watches: what they did at the beginning is forgotten as they go on."""

import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from genlatent.sampling.draws import FEWEST
from genlatent.sampling.streaming import Streaming

FIRST = 16  # draws after which a second look begins
REST = 0.4  # seconds between two diagnoses


class Watch:
    """Two running diagnoses, the younger of which takes over once it has seen as much as the older had at its start.

    So what is shown leaves out between a quarter and a half of what was drawn, the beginning of the chains.

    >>> import torch
    >>> watch = Watch()
    >>> for _ in range(100):
    ...     watch.add({"energy": torch.randn(4)})
    >>> watch.draws, watch.seen
    (100, 68)
    """

    def __init__(self):
        self.draws = 0
        self._old, self._young, self._since, self._next = Streaming(), Streaming(), 0, FIRST
        self._found: dict[str, Any] = {"rhat": None, "ess": None, "worst": None}
        self._when = -REST

    @property
    def seen(self) -> int:
        """Draws that count."""
        return self.draws - self._since

    def add(self, values: Mapping[str, Tensor]) -> None:
        """One more draw of every variable."""
        if self.draws == 2 * self._next:
            self._old, self._young, self._since, self._next = self._young, Streaming(), self._next, self.draws
        self._old.add(values)
        if self.draws >= self._next:
            self._young.add(values)
        self.draws += 1

    def plain(self) -> dict[str, Any]:
        """The worst R-hat and the smallest effective sample size, and of which variable; None as long as none is.

        They are found anew every now and then only.
        """
        if self.seen >= 2 * FEWEST and time.monotonic() - self._when >= REST:
            self._found, self._when = self._diagnosed(), time.monotonic()
        return {"draws": self.draws, "seen": self.seen, **self._found}

    def _diagnosed(self) -> dict[str, Any]:
        every = {name: one for name, one in self._old.diagnose().items() if one.rhat is not None}
        if not every:
            return {"rhat": None, "ess": None, "worst": None}
        worst = max(every, key=lambda name: every[name].rhat or 0.0)
        least = min(one.ess or 0.0 for one in every.values())
        return {"rhat": _finite(every[worst].rhat), "ess": round(least, 1), "worst": worst}


def _finite(value: float | None) -> float | None:
    """A number that JSON can hold; chains stuck apart have an infinite R-hat."""
    return None if value is None else min(round(value, 4), 999.0)


def warm_up() -> None:
    """Diagnose some draws that nobody sees: the first diagnosis loads what later ones find there, which takes a while.

    >>> warm_up()
    """
    watch = Watch()
    for draw in range(2 * FEWEST):
        watch.add({"energy": torch.arange(2.0) + draw})
    watch.plain()
