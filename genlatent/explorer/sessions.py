"""Things that live between two requests of one client: few of them, and none for long."""

import secrets
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from genlatent.explorer.worker import Busy

Thing = TypeVar("Thing")

MOST = 8
IDLE = 60.0  # seconds after which a thing that nobody asked for is forgotten
ABANDONED = 5.0  # seconds after which it gives its place to a new one, where there is no other


class Gone(Exception):
    """A session that was ended, or forgotten because nobody asked for it."""


class Sessions(Generic[Thing]):
    """Things by secret names.

    Args:
        most: how many there are at the most; the one that was unused for longest gives way.
        idle: seconds after which an unused one is forgotten.
        abandoned: seconds that it must have been unused to give way.
        clock: what tells the time.

    >>> sessions = Sessions(most=1)
    >>> name = sessions.add("chains")
    >>> sessions.get(name)
    'chains'
    """

    def __init__(
        self,
        most: int = MOST,
        idle: float = IDLE,
        abandoned: float = ABANDONED,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.most, self.idle, self.abandoned, self.clock = most, idle, abandoned, clock
        self._things: dict[str, tuple[float, Thing]] = {}  # the one used last stands last
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._things)

    def room(self) -> None:
        """Make room for one more, or say that there is none."""
        self.expire()
        with self._lock:
            if len(self._things) < self.most:
                return
            oldest = next(iter(self._things))
            if self.clock() - self._things[oldest][0] < self.abandoned:
                raise Busy(f"{self.most} sessions are running already")
            del self._things[oldest]

    def add(self, thing: Thing) -> str:
        """The name of a new one."""
        self.room()
        name = secrets.token_urlsafe(16)
        with self._lock:
            self._things[name] = (self.clock(), thing)
        return name

    def get(self, name: str) -> Thing:
        """The thing of that name, which counts as used now."""
        self.expire()
        with self._lock:
            if name not in self._things:
                raise Gone("these chains have ended; start new ones")
            thing = self._things.pop(name)[1]
            self._things[name] = (self.clock(), thing)
        return thing

    def end(self, name: str) -> None:
        """Forget it, if it is there."""
        with self._lock:
            self._things.pop(name, None)

    def expire(self) -> None:
        """Forget what was unused for too long."""
        with self._lock:
            then = self.clock() - self.idle
            for name in [name for name, (used, _) in self._things.items() if used < then]:
                del self._things[name]
