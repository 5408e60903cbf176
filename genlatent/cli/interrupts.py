"""Ctrl-C while training: the step is finished, a checkpoint is written, and the user learns how to go on."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from genlatent.training.callbacks import Callback

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopOnRequest(Callback):
    """Stops the training after the step during which somebody asked for it."""

    def __init__(self):
        self.requested = False

    def request(self, number: int, frame: FrameType | None) -> None:
        """The signal handler; asked twice, the process is interrupted at once."""
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def tick(self, trainer: Any) -> None:
        """Pass the request on."""
        if self.requested:
            trainer.stop("interrupted")


@contextmanager
def stopping_on_request() -> Iterator[StopOnRequest]:
    """Catch the signals inside, and put the handlers that were there back afterwards."""
    stop = StopOnRequest()
    before = {number: signal.signal(number, stop.request) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
