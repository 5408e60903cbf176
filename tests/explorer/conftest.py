"""Small models behind the page, asked without a network."""

import asyncio
import json
import threading
import time
from types import SimpleNamespace

import httpx
import pytest
import torch
import uvicorn

from genlatent import load_data
from genlatent.components import build
from genlatent.explorer import serving
from genlatent.explorer.app import Explorer, make_app
from genlatent.explorer.guard import PATIENCE
from genlatent.explorer.subject import Subject, with_rows
from tests.test_models import EXAMPLES

HOST = "127.0.0.1:8000"


def explorer_of(name, *, rows=True, history=(), report=None, **settings):
    """The explorer of an untrained example, with the digits that it could have been trained on."""
    torch.manual_seed(1)
    data = load_data("digits", binarise="threshold")
    subject = Subject(name, build(EXAMPLES[name], "model"), data.about(), history=history, report=report)
    return Explorer(with_rows(subject, data) if rows else subject, **settings)


class Page:
    """What a browser on this machine would see."""

    def __init__(self, explorer):
        self.explorer, self.app = explorer, make_app(explorer, {HOST})

    def ask(self, method, path, body=None, *, host=HOST, raw=None, **headers):
        """One request and its answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = raw if raw is not None else None if body is None else json.dumps(body).encode()
        named |= {} if content is None else {"content-type": "application/json"} | named
        request = {"content": content, "headers": {"host": host} | named}

        async def asked():
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://" + HOST) as client:
                return await client.request(method, path, **request)

        return asyncio.run(asked())

    def get(self, path, **how):
        """A look."""
        return self.ask("GET", path, **how)

    def post(self, path, body, **how):
        """A question."""
        return self.ask("POST", path, body, **how)


class Served:
    """A page on a port of this machine, from a thread of this process."""

    def __init__(self, explorer, patience=PATIENCE):
        self.explorer, self.listening = explorer, serving.listen("127.0.0.1", 0)
        port = self.listening.getsockname()[1]
        self.app = make_app(explorer, serving.hosts("127.0.0.1", port))
        self.app.patience = patience
        self.server, self.url = uvicorn.Server(serving.config(self.app)), f"http://127.0.0.1:{port}/"
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listening]})

    def __enter__(self):
        self.thread.start()
        wait(lambda: self.server.started)
        return self

    def __exit__(self, *error):
        self.server.should_exit = True
        self.thread.join(20)
        self.listening.close()
        self.explorer.worker.close()


def wait(true, seconds=20):
    """Until something is true."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.fixture(scope="session")
def page():
    """The page of an example by its name; each is made once."""
    made = {}

    def of(name) -> Page:
        if name not in made:
            made[name] = Page(explorer_of(name, report="<p>report</p>", history=({"epoch": 1, "loss": float("nan")},)))
        return made[name]

    yield of
    for one in made.values():
        one.explorer.worker.close()


@pytest.fixture
def row():
    """A drawing of 64 pixels, the right half of every line unknown."""
    return [None if i % 8 > 3 else float(i % 3 == 0) for i in range(64)]


@pytest.fixture
def told(page):
    """What a model must be told beside rows, and its start among the codes."""

    def of(name):
        about = page(name).get("/api/about").json()
        condition = [1] if about["condition"]["required"] else None
        return SimpleNamespace(about=about, condition=condition, start=(about["latent"] or {}).get("start"))

    return of
