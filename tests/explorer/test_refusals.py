"""What is refused: other sites, wrong numbers, too much at once; and nothing of the inside is told."""

import asyncio
import itertools
import threading
from urllib.parse import unquote

import pytest
from fastapi.routing import APIRoute

from tests.explorer.asgi import call, refused
from tests.explorer.conftest import HOST, Page, explorer_of

WRONG = [
    ("/api/decode", {"place": [0.0]}, "axes"),
    ("/api/decode", {"place": ["far", 0, 0]}, "number"),
    ("/api/decode", {"place": [1e300, 0, 0]}, "less than"),
    ("/api/decode", {"place": [0.0, 0.0, 0.0], "origin": [1.0]}, "values"),
    ("/api/decode", {"place": [0.0, 0.0, 0.0], "condition": [1]}, "condition"),
    ("/api/decode", {"place": [0.0, 0.0, 0.0], "more": 1}, "not permitted"),
    ("/api/plane", {"place": [0.0, 0.0, 0.0], "first": 1, "second": 1}, "two of the"),
    ("/api/plane", {"place": [0.0, 0.0, 0.0], "first": 9}, "two of the"),
    ("/api/plane", {"place": [0.0, 0.0, 0.0], "size": 1000}, "less than"),
    ("/api/sample", {"number": 100000}, "less than"),
    ("/api/sample", {"number": -1}, "greater than"),
    ("/api/sample", {"seed": -1}, "greater than"),
    ("/api/row", {"row": [0.0] * 3}, "64 values"),
    ("/api/row", {"row": ["ink"] * 64}, "number"),
    ("/api/row", {}, "required"),
    ("/api/chains", {}, "no chains"),
    ("/api/sample", [1, 2], "valid"),
]


@pytest.mark.parametrize(("path", "body", "word"), WRONG)
def test_wrong_numbers_are_refused_in_a_sentence(page, path, body, word):
    answer = page("vae").post(path, body)
    assert answer.status_code == 422
    assert word in answer.json()["error"]


NO_JSON = {
    b"": "required",
    b"{": "no JSON",
    b"\xff\xfe": "UTF-8",
    b"[" * 5000: "nested too deep",
    b'{"row":' * 10_000: "nested too deep",
    b'{"row":' * 100_000: "larger than",
    b'{"row": [NaN]}': "NaN is no number",
    b'{"row": [-Infinity]}': "-Infinity is no number",
    b'{"row": [1e999]}': "finite",
    b'{"row": [' + b"9" * 5000 + b"]}": "5000 digits",
    b'{"row": [' + b"9" * 390 + b"]}": "valid number",
    b'{"row": [], "row": [0.0]}': "'row' is given twice",
    b'{"row": [], "\\ud800": 1}': "unicode",
    b"null": "valid dictionary",
    b'"row"': "valid",
}


@pytest.mark.parametrize("text", NO_JSON, ids=lambda text: repr(text[:20]))
def test_what_is_no_plain_json_is_refused_in_a_sentence(page, text):
    answer = asyncio.run(call(page("vae").app, "POST", "/api/row", text))
    assert NO_JSON[text] in refused(answer)


CHAINS = [
    ({"number": 1}, "greater than"),
    ({"number": 10**6}, "less than"),
    ({"temperature": 0.0}, "greater than"),
    ({"temperature": float("1e9")}, "less than"),
    ({"method": "gradient descent"}, "known: gibbs"),
    ({"given": [1.0] * 64}, "nothing is left"),
    ({"given": [1.0] * 5}, "64 values"),
    ({"condition": [3]}, "condition"),
]


@pytest.mark.parametrize(("body", "word"), CHAINS)
def test_wrong_chains_are_refused(page, body, word):
    before = len(page("rbm").explorer.sessions)
    answer = page("rbm").post("/api/chains", body)
    assert (answer.status_code, word in answer.json()["error"]) == (422, True), answer.text
    assert len(page("rbm").explorer.sessions) <= before  # others may have expired meanwhile


def test_chains_that_ended_say_so(page):
    assert page("rbm").post("/api/chains/unknown", {}).status_code == 410
    session = page("rbm").post("/api/chains", {}).json()["session"]
    assert page("rbm").ask("DELETE", f"/api/chains/{session}").status_code == 204
    assert page("rbm").post(f"/api/chains/{session}", {}).status_code == 410


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1", "127.0.0.1:80", "localhost.evil:8000"]
)
def test_another_name_for_this_machine_is_refused(page, host):
    assert page("vae").get("/api/about", host=host).status_code == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "https://127.0.0.1:8000", "null", "http://127.0.0.1:9"])
def test_another_sites_page_is_refused(page, origin):
    assert page("vae").post("/api/sample", {}, origin=origin).status_code == 403


def test_this_page_itself_is_not(page):
    headers = {"origin": f"http://{HOST}", "sec_fetch_site": "same-origin"}
    assert page("vae").post("/api/sample", {}, **headers).status_code == 200
    assert page("vae").post("/api/sample", {}, sec_fetch_site="cross-site").status_code == 403


def test_a_form_of_another_site_is_no_question(page):
    """What a browser sends across sites without asking first is never read as JSON."""
    answer = page("vae").post("/api/sample", None, raw=b'{"number": 1}', content_type="text/plain")
    assert answer.status_code == 422


def addresses(page):
    """Method and path of everything that can be asked."""
    inner = page("rbm").app.app
    every = [(method, route.path) for route in inner.routes if isinstance(route, APIRoute) for method in route.methods]
    return [(method, path.format(name="index.html", session="x")) for method, path in every]


def test_every_address_asks_for_host_and_origin(page):
    found = addresses(page)
    assert len(found) >= 14
    for method, path in found:
        for how in ({"host": "evil.example"}, {"headers": [("origin", "http://evil.example")]}):
            answer = asyncio.run(call(page("rbm").app, method, path, b"{}", **how))
            assert answer.status == 403, (method, path)
            assert refused(answer) in (
                "this page answers only under its own address",
                "another site's page may not ask",
            )


@pytest.mark.parametrize("name", ["host", "origin", "content-length", "content-type"])
def test_a_header_that_is_given_twice_is_refused(page, name):
    """Whoever forwards a request and whoever answers it might each believe another one of the two."""
    twice = [(name, HOST), (name, "evil.example")]
    answer = asyncio.run(call(page("vae").app, "GET", "/api/about", headers=twice))
    assert (answer.status, refused(answer)) == (400, "a header is given twice")


def test_there_are_no_websockets(page):
    sent = []

    async def opened():
        async def send(message):
            sent.append(message)

        await page("vae").app({"type": "websocket", "path": "/", "headers": []}, None, send)

    asyncio.run(opened())
    assert sent == [{"type": "websocket.close", "code": 1008}]


UPS = ("../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..%5c", "%252e%252e%252f", "....//", "%c0%ae%c0%ae/", "//", "/./")
TARGETS = ("etc/passwd", "app.py", "page/index.html", "proc/self/environ", "pyproject.toml%00.html")


@pytest.mark.parametrize("up", UPS)
def test_no_spelling_of_a_path_reaches_the_disk(page, up):
    """Neither as it stands nor after it was decoded once, which is what a server hands on."""
    for deep, target, start in itertools.product((1, 3), TARGETS, ("/", "/report/", "/api/")):
        path = start + up * deep + target
        for spelt in (path, unquote(path), unquote(unquote(path))):
            answer = asyncio.run(call(page("vae").app, "GET", spelt))
            assert refused(answer) in ("there is no such page", "Not Found"), spelt
            assert answer.status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/..%2f..%2fpyproject.toml",
        "/%2e%2e/guard.py",
        "/guard.py",
        "/static/../app.py",
        "/C:/x",
        "/index.html%00",
        "/docs",
    ],
)
def test_no_path_reaches_the_disk(page, path):
    answer = page("vae").get(path)
    assert answer.status_code == 404
    assert "import" not in answer.text


def test_a_large_request_is_refused_unread(page):
    limit = page("vae").app.largest
    assert page("vae").post("/api/row", None, raw=b"0" * (limit + 1)).status_code == 413
    assert page("vae").post("/api/row", None, raw=b"0", content_length=str(10**12)).status_code == 413
    assert page("vae").post("/api/row", None, raw=b"0", content_length="-1").status_code == 413
    assert page("vae").post("/api/row", None, raw=b"0", content_length="9" * 5000).status_code == 413


def test_a_body_without_a_length_is_read_to_the_bound_and_no_further(page):
    """What comes after the bound is never asked for."""
    limit, parts = page("vae").app.largest, 1000
    coming = iter([{"type": "http.request", "body": b"0" * (limit // 10), "more_body": True}] * parts)

    async def receive():
        return next(coming)

    body = asyncio.run(page("vae").app._body(receive))
    assert body is None
    assert len(list(coming)) == parts - 11
    answer = asyncio.run(call(page("vae").app, "POST", "/api/row", *[b"0" * (limit // 10)] * 12))
    assert answer.status == 413
    assert "larger than" in refused(answer)
    small = asyncio.run(call(page("vae").app, "POST", "/api/sample", b'{"number"', b": 1", b"}"))
    assert small.status == 200


def test_a_client_that_goes_away_in_the_middle_of_its_body_asks_nothing(page, monkeypatch):
    done = []
    monkeypatch.setattr(page("vae").explorer.player, "sample", lambda wish: done.append(wish) or {})

    async def gone():
        coming = [{"type": "http.request", "body": b"{}", "more_body": True}, {"type": "http.disconnect"}]

        async def receive():
            return coming.pop(0)

        async def send(message):
            raise AssertionError(message)

        scope = {"type": "http", "method": "POST", "path": "/api/sample", "headers": [(b"host", HOST.encode())]}
        await page("vae").app(scope, receive, send)

    asyncio.run(gone())
    assert (done, page("vae").app._running) == ([], 0)


def test_every_answer_forbids_what_the_page_does_not_need(page):
    for answer in (page("vae").get("/"), page("vae").get("/api/about"), page("vae").get("/nothing")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in policy


def test_the_pages_ask_nobody_else():
    from genlatent.explorer.files import pages

    for name, file in pages().items():
        text = file.body.decode().replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text, name
        assert "https:" not in text, name
        assert "<script>" not in text, name
        assert "innerHTML" not in text, name


def test_a_full_queue_is_busy():
    explorer = explorer_of("autoencoder")
    page, gate, begun = Page(explorer), threading.Event(), threading.Event()

    def hold():
        begun.set()
        gate.wait(30)

    held = explorer.worker.submit(hold)
    begun.wait(10)
    waiting = [explorer.worker.submit(int) for _ in range(explorer.worker.waiting)]
    try:
        answer = page.post("/api/row", {"row": [0.0] * 64})
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        assert answer.json()["error"].startswith("busy")
        assert page.get("/api/about").status_code == 200
    finally:
        gate.set()
    assert [future.result(10) for future in (held, *waiting)] == [None, *[0] * len(waiting)]
    assert page.post("/api/row", {"row": [0.0] * 64}).status_code == 200
    explorer.worker.close()


def test_too_many_requests_at_once_are_refused_before_they_are_read(page, monkeypatch):
    monkeypatch.setattr(page("vae").app, "at_once", 0)
    answer = page("vae").get("/api/about")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    monkeypatch.undo()
    assert page("vae").get("/api/about").status_code == 200


def test_an_error_inside_is_told_without_its_inside(page, monkeypatch):
    monkeypatch.setattr(page("vae").explorer.player, "sample", lambda wish: 1 / 0)
    answer = page("vae").post("/api/sample", {})
    assert answer.status_code == 500
    assert answer.json() == {"error": "the model could not answer this; nothing was changed"}
    assert page("vae").get("/api/about").status_code == 200
