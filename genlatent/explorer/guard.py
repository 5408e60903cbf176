"""What stands before the page: who may ask, how much at once, and how long it may take to say it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

LARGEST = 1 << 20  # bytes of a request
PATIENCE = 10.0  # seconds for a request to arrive, and for an answer to be taken
AT_ONCE = 600  # requests on their way
LARGEST_HEAD = 1 << 14  # bytes of everything before the body
DIGITS = 15  # of the length of a body, before it is called too large unread
ONCE = ("host", "origin", "content-length", "content-type", "sec-fetch-site")  # headers that nobody says twice

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Gone(Exception):
    """A client that went away in the middle of what it said."""


class Guard:
    """Lets requests through that are meant for this page and small enough; the others get one sentence.

    A page of another site cannot ask: names that resolve to this machine but are not its own are refused by their
    `Host` (DNS rebinding), requests that another site's page makes by their `Origin`. The whole body is here before
    the application sees the request, so that a slow client holds nothing but its own connection.

    Args:
        app: the application.
        hosts: what `Host` may say.
        largest: bytes of a request's body.
        patience: seconds that a body may take to arrive, and an answer to be taken.
        at_once: requests that may be on their way.
    """

    def __init__(
        self,
        app: App,
        hosts: Iterable[str],
        largest: int = LARGEST,
        patience: float = PATIENCE,
        at_once: int = AT_ONCE,
    ):
        self.app = app
        self.hosts = frozenset(host.lower() for host in hosts)
        self.largest, self.patience, self.at_once = largest, patience, at_once
        self._running = 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        send = self._patient(send)
        refusal = self._refusal(scope)
        if refusal is not None:
            return await _refuse(send, *refusal)
        self._running += 1
        try:
            await self._pass(scope, receive, send)
        finally:
            self._running -= 1
        return None

    async def _pass(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        try:
            body = await asyncio.wait_for(self._body(receive), self.patience)
        except TimeoutError:
            return await _refuse(send, 408, "the request took too long to arrive")
        except Gone:
            return None
        if body is None:
            return await _refuse(send, 413, f"the request is larger than {self.largest} bytes")
        return await self.app(scope, _replay(body, receive), send)

    async def _body(self, receive: Receive) -> bytes | None:
        """Everything that the client says, or None where that is too much."""
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise Gone
            parts.append(message.get("body", b""))
            size, more = size + len(parts[-1]), message.get("more_body", False)
            if size > self.largest:
                return None
        return b"".join(parts)

    def _refusal(self, scope: MutableMapping[str, Any]) -> tuple[int, str] | None:
        said = [(name.decode("latin-1").lower(), value.decode("latin-1").lower()) for name, value in scope["headers"]]
        headers = dict(said)
        if sum(len(name) + len(value) for name, value in said) + len(scope["path"]) > LARGEST_HEAD:
            return 431, f"the head of the request is larger than {LARGEST_HEAD} bytes"
        if any([name for name, _ in said].count(name) > 1 for name in ONCE):
            return 400, "a header is given twice"
        host, origin = headers.get("host", ""), headers.get("origin")
        if host not in self.hosts:
            return 403, "this page answers only under its own address"
        if origin is not None and origin != f"http://{host}":
            return 403, "another site's page may not ask"
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none") and scope["method"] != "GET":
            return 403, "another site's page may not ask"
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > DIGITS or int(length) > self.largest:
            return 413, f"the request is larger than {self.largest} bytes"
        if self._running >= self.at_once:
            return 429, "busy: too many requests at once; try again in a moment"
        return None

    def _patient(self, send: Send) -> Send:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                added = [(k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in own]
                message = {**message, "headers": [*message["headers"], *added]}
            await asyncio.wait_for(send(message), self.patience)

        return sent


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body at once, and after it whatever the client does."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed


async def _refuse(send: Send, status: int, sentence: str) -> None:
    body = json.dumps({"error": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(b"retry-after", b"1")] if status == 429 else []
    headers += [(b"connection", b"close")] if status in (408, 413) else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
