"""Connections that ask nothing, say it too slowly, or do not take their answer: each is let go after a while."""

from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE = 10.0  # seconds for the head of a request to arrive, and for an answer to be taken
LOOKS = 2  # in which the same answer may still wait to be taken, each after half of that time


class Patient(H11Protocol):
    """A connection that is looked at now and then, and closed where its client only holds it.

    The head of a request has to be there within `PATIENCE` seconds from the moment at which the connection is free, be
    it the first request or a later one. What is left of a body that nobody reads counts as no request. An answer that
    lies in the buffer of the connection at several looks is not being taken; then the connection is cut.
    """

    def connection_made(self, transport: Any) -> None:
        """Begin to look."""
        super().connection_made(transport)
        self._free_since, self._untaken = self.loop.time(), 0
        self._next = self.loop.call_later(PATIENCE / 2, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop looking."""
        self._next.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Part of a request; what is no HTTP at a moment at which that can no longer be answered ends it all."""
        try:
            super().data_received(data)
        except h11.LocalProtocolError:
            self.transport.abort()

    def on_response_complete(self) -> None:
        """The connection is free again."""
        self._free_since = self.loop.time()
        super().on_response_complete()

    def _look(self) -> None:
        self._untaken = self._untaken + 1 if self.transport.get_write_buffer_size() else 0
        if self._untaken > LOOKS:
            self.transport.abort()
            return
        free = self.cycle is None or self.cycle.response_complete
        if free and self.loop.time() - self._free_since >= PATIENCE and not self.transport.is_closing():
            self.transport.close()
        self._next = self.loop.call_later(PATIENCE / 2, self._look)
