"""When a slice of work is over."""

import time
from collections.abc import Callable
from typing import Any

from genlatent.training.callbacks import Callback

REASON = "the slice is over"


class SliceOver(Exception):
    """Raised where a slice ends; everything up to there is kept."""


class Clock(Callback):
    """Ends the slice after so many minutes, or when somebody asks for it; a training stops after its step.

    Args:
        minutes: None for no end.
        asked: whether somebody wants to stop.

    >>> Clock(0).over, Clock(None).over
    (True, False)
    """

    def __init__(self, minutes: float | None = None, asked: Callable[[], bool] = lambda: False):
        self.minutes, self.asked, self._begun = minutes, asked, False
        self._end = None if minutes is None else time.monotonic() + 60 * minutes

    @property
    def over(self) -> bool:
        """Whether it is time to stop."""
        return self.asked() or (self._end is not None and time.monotonic() >= self._end)

    def tick(self, trainer: Any) -> None:
        """Let a training write its checkpoint and end."""
        if self.over:
            trainer.stop(REASON)

    def check(self) -> None:
        """Before a stage: stop here, if it is time; but every slice does something."""
        if self._begun and self.over:
            raise SliceOver
        self._begun = True
