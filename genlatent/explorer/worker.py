"""The one thread that asks the model, and the short queue before it."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

WAITING = 32


class Busy(Exception):
    """More is asked than can be answered soon."""


class Worker:
    """Work is done one piece after another, in the order in which it came; who finds the queue full is turned away.

    Models swap random streams and modes while they answer, so that only one question may be on its way at a time. A
    piece of work whose future is cancelled while it waits is never begun.

    Args:
        waiting: pieces that may wait at the most.

    >>> worker = Worker()
    >>> worker.submit(lambda: 6 * 7).result()
    42
    >>> worker.close()
    """

    def __init__(self, waiting: int = WAITING):
        self.waiting = waiting
        self._queue: queue.Queue[tuple[Future, Callable[[], Any]] | None] = queue.Queue(waiting)
        self._thread = threading.Thread(target=self._run, name="genlatent-explorer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[], Any]) -> Future:
        """The future of a piece of work, or :class:`Busy`."""
        future: Future = Future()
        try:
            self._queue.put_nowait((future, work))
        except queue.Full:
            raise Busy(f"{self.waiting} questions are waiting already") from None
        return future

    def close(self) -> None:
        """End after what is waiting."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (piece := self._queue.get()) is not None:
            future, work = piece
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(work())
            except BaseException as error:  # whoever asked is told
                future.set_exception(error)
            del piece, future, work  # nothing is kept while the thread waits
