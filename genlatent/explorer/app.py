"""The addresses of the page: its own files, and the questions to the model."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from genlatent.errors import GenlatentError, one_line
from genlatent.explorer import files, wishes
from genlatent.explorer.asking import Route
from genlatent.explorer.capabilities import capabilities
from genlatent.explorer.chains import Chains
from genlatent.explorer.guard import LARGEST, Guard
from genlatent.explorer.player import Player
from genlatent.explorer.sessions import Gone, Sessions
from genlatent.explorer.subject import Subject
from genlatent.explorer.worker import Busy, Worker

LOOK = 0.2  # seconds between two looks whether the client is still there
SWEEP = 5.0  # seconds between two looks for sessions that nobody uses
BYTES = 64  # of a request for each value of a row
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-popups"


class Explorer:
    """One model and everything that is needed to answer for it.

    Args:
        subject: the model, and what is known of it.
        worker: where it is asked.
        sessions: chains that run.
    """

    def __init__(self, subject: Subject, worker: Worker | None = None, sessions: Sessions[Chains] | None = None):
        self.subject = subject
        self.worker = worker or Worker()
        self.sessions: Sessions[Chains] = sessions or Sessions()
        self.player = self.worker.submit(lambda: Player(subject)).result()
        self.about = capabilities(self.player)
        self.examples = self.worker.submit(self.player.examples).result()

    def start(self, wish: wishes.Started) -> dict[str, Any]:
        """New chains, as they start."""
        self.sessions.room()
        chains = Chains(self.player, wish)
        return {"session": self.sessions.add(chains)} | chains.plain()

    def move(self, session: str, wish: wishes.Moved) -> dict[str, Any]:
        """Chains some steps further."""
        chains = self.sessions.get(session)
        chains.aim(wish.temperature, wish.given, wish.condition)
        return chains.advance(wish.steps)

    async def ask(self, request: Request, work: Callable[[], Any]) -> Any:
        """The answer of the worker; work for a client that has gone is not begun."""
        future = self.worker.submit(work)
        waiting = asyncio.wrap_future(future)
        try:
            while not (await asyncio.wait({waiting}, timeout=LOOK))[0]:
                if await request.is_disconnected():
                    raise HTTPException(499, "the client has gone")
            return waiting.result()
        finally:
            future.cancel()


def make_app(explorer: Explorer, hosts: Iterable[str], largest: int | None = None) -> Guard:
    """The application behind its guard.

    Args:
        explorer: the model.
        hosts: under which names and ports the page may be asked.
        largest: bytes of a request; by default enough for a row of this model.
    """

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(_sweep(explorer.sessions))
        yield
        sweeping.cancel()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, lifespan=life)
    app.router.route_class = Route
    _add_pages(app, explorer)
    _add_questions(app, explorer)
    _add_chains(app, explorer)
    _add_refusals(app)
    row = BYTES * explorer.player.model.event_shape.numel()
    return Guard(app, hosts, min(largest or (1 << 16) + 2 * row, 4 * LARGEST))


def told(values: Any) -> Response:
    """An answer of the model; a number that is not finite, which JSON cannot hold, is null."""
    try:
        return JSONResponse(values)
    except ValueError:
        return JSONResponse(files.finite(values))


def _add_pages(app: FastAPI, explorer: Explorer) -> None:
    pages = files.pages()

    @app.get("/{name}")
    async def page(name: str) -> Response:
        if name not in pages:
            raise HTTPException(404, "there is no such page")
        return Response(pages[name].body, media_type=pages[name].kind)

    @app.get("/")
    async def front() -> Response:
        return await page("index.html")

    @app.get("/report/")
    async def report() -> Response:
        if explorer.subject.report is None:
            raise HTTPException(404, "this run has no report yet; write one with: genlatent report RUN")
        headers = {"content-security-policy": REPORT_POLICY}
        return Response(explorer.subject.report, media_type="text/html; charset=utf-8", headers=headers)

    @app.get("/api/about")
    async def about() -> Response:
        return JSONResponse(explorer.about)

    @app.get("/api/examples")
    async def examples() -> Response:
        return JSONResponse(explorer.examples)

    @app.get("/api/history")
    async def history() -> Response:
        return JSONResponse(files.finite([dict(row) for row in explorer.subject.history]))


def _add_questions(app: FastAPI, explorer: Explorer) -> None:
    player = explorer.player

    @app.post("/api/sample")
    async def sample(wish: wishes.Sample, request: Request) -> Response:
        return told(await explorer.ask(request, lambda: player.sample(wish)))

    @app.post("/api/decode")
    async def decode(wish: wishes.Place, request: Request) -> Response:
        return told(await explorer.ask(request, lambda: player.decode(wish)))

    @app.post("/api/classes")
    async def classes(wish: wishes.Place, request: Request) -> Response:
        return told(await explorer.ask(request, lambda: player.classes(wish)))

    @app.post("/api/plane")
    async def plane(wish: wishes.Plane, request: Request) -> Response:
        return told(await explorer.ask(request, lambda: player.plane(wish)))

    @app.post("/api/row")
    async def row(wish: wishes.Drawn, request: Request) -> Response:
        return told(await explorer.ask(request, lambda: player.answer(wish)))


def _add_chains(app: FastAPI, explorer: Explorer) -> None:
    @app.post("/api/chains")
    async def start(wish: wishes.Started, request: Request) -> Response:
        return told(await explorer.ask(request, lambda: explorer.start(wish)))

    @app.post("/api/chains/{session}")
    async def move(session: str, wish: wishes.Moved, request: Request) -> Response:
        return told(await explorer.ask(request, lambda: explorer.move(session, wish)))

    @app.delete("/api/chains/{session}")
    async def end(session: str) -> Response:
        explorer.sessions.end(session)
        return Response(status_code=204)


def _add_refusals(app: FastAPI) -> None:
    """Every error is one sentence, and says nothing of the inside."""

    def said(status: int, sentence: str) -> Response:
        headers = {"retry-after": "1"} if status == 429 else None
        return JSONResponse({"error": one_line(sentence)}, status, headers)

    @app.exception_handler(Busy)
    async def busy(request: Request, error: Busy) -> Response:
        return said(429, f"busy: {error}; try again in a moment")

    @app.exception_handler(Gone)
    async def gone(request: Request, error: Gone) -> Response:
        return said(410, str(error))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        return said(error.status_code, str(error.detail))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return said(422, _first(error))

    @app.exception_handler(GenlatentError)
    async def refused(request: Request, error: GenlatentError) -> Response:
        return said(422, str(error))

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        return said(500, "the model could not answer this; nothing was changed")


def _first(error: RequestValidationError) -> str:
    found = error.errors()[0]
    place = ".".join(str(part) for part in found["loc"] if part != "body")
    return f"{place}: {found['msg']}" if place else str(found["msg"])


async def _sweep(sessions: Sessions[Chains]) -> None:
    """Forget chains whose page was closed, though nobody asks."""
    while True:
        await asyncio.sleep(SWEEP)
        sessions.expire()
