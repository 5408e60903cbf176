"""A real server on a port of its own: many clients at once, slow ones, and those that go away."""

import asyncio
import logging
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from genlatent.cli.main import answer
from genlatent.errors import RunError
from genlatent.explorer import connections, serving
from tests.explorer import clients
from tests.explorer.clients import address, crowd, request, resident
from tests.explorer.conftest import Served, explorer_of, wait

CLIENTS = 500
LONG = 4.0  # seconds
GROWTH = 40  # MiB that the server may grow by once it is warm


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs") / "vae"
    small = ["model.latent=2", "model.encoder.hidden=[16]", "model.decoder.hidden=[16]", "train.steps=3"]
    assert answer(["train", "digits-vae", *small, "--out", str(place), "--quiet"]) == 0
    return place


@pytest.fixture(scope="module")
def server(run):
    """The verb in a process of its own, and where it is."""
    with clients.serving(run) as process:
        yield process


def test_the_verb_serves_on_the_loopback_address_alone(server):
    assert server.url.startswith("http://127.0.0.1:")
    assert httpx.get(server.url).status_code == 200
    found = httpx.get(server.url + "api/about").json()
    assert (found["name"], found["model"], found["history"]) == ("vae", "VAE", True)
    assert listening(address(server.url)[1]) == {"0100007F"}


def listening(port):
    """The addresses on which somebody listens at that port, as the kernel writes them."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {line[1].split(":")[0] for line in lines if line[1].endswith(f":{port:04X}") and line[3] == "0A"}


@pytest.mark.slow
def test_five_hundred_clients_are_all_answered_and_memory_stays_flat(server):
    asyncio.run(crowd(server.url, CLIENTS, LONG))
    warm = resident(server)
    counts = asyncio.run(crowd(server.url, CLIENTS, LONG))
    assert set(counts) <= {200, 429}
    assert sum(counts.values()) >= CLIENTS
    assert counts[200] >= CLIENTS / 3
    assert resident(server) - warm < GROWTH
    assert httpx.post(server.url + "api/decode", json={"place": [0.0, 0.0]}, timeout=20).status_code == 200


def impatient(monkeypatch):
    """The page of an autoencoder, whose clients have a second to say what they want."""
    monkeypatch.setattr(connections, "PATIENCE", 1.0)
    return Served(explorer_of("autoencoder"), patience=1.0)


def test_a_client_that_says_nothing_more_is_let_go(monkeypatch):
    """A body that never comes ends in a refusal, and holds up nobody meanwhile."""
    with impatient(monkeypatch) as server:
        url = server.url
        slow = socket.create_connection(address(url))
        head = f"POST /api/row HTTP/1.1\r\nHost: {url[7:-1]}\r\nContent-Type: application/json\r\n"
        slow.sendall(head.encode() + b"Content-Length: 50\r\n\r\n{")
        assert httpx.post(url + "api/row", json={"row": [0.0] * 64}, timeout=20).status_code == 200
        slow.settimeout(20)
        assert slow.recv(1000).startswith(b"HTTP/1.1 408")
        slow.close()


def test_a_connection_on_which_nothing_is_asked_is_closed(monkeypatch):
    with impatient(monkeypatch) as server:
        url = server.url
        silent = socket.create_connection(address(url))
        silent.sendall(b"GET / HT")
        silent.settimeout(20)
        assert silent.recv(1000) == b""
        silent.close()


def ends(client, seconds=20):
    """What the server still says on a connection before it closes or cuts it."""
    client.settimeout(seconds)
    said = b""
    with suppress(ConnectionError):
        while part := client.recv(1 << 16):
            said += part
    return said


def answered(client):
    """The first answer on a connection, whole: that of the history of an untrained model is an empty list."""
    said = b""
    while not said.endswith(b"\r\n\r\n[]"):
        said += client.recv(1 << 16)
    return said


@pytest.fixture
def slow(monkeypatch):
    """A server with a second's patience, and a connection to it that is at rest after its first answer."""
    with impatient(monkeypatch) as server, socket.create_connection(address(server.url)) as client:
        client.sendall(request(server.url, "GET", "/api/history"))
        assert answered(client).startswith(b"HTTP/1.1 200")
        yield server, client


def test_a_head_that_comes_letter_by_letter_is_cut_off_even_after_a_first_request(slow):
    """Every letter resets a timer that waits for silence; this one does not wait for silence."""
    server, client = slow
    head, began = request(server.url, "GET", "/api/about") * 3, time.monotonic()
    with suppress(ConnectionError):
        for letter in head:
            client.sendall(bytes([letter]))
            time.sleep(0.1)
    assert time.monotonic() - began < 8
    assert ends(client) == b""


def test_a_body_that_nobody_asked_for_does_not_hold_a_connection(slow):
    """It was refused by its head, and then never ends."""
    server, client = slow
    client.sendall(b"POST /api/row HTTP/1.1\r\nHost: evil.example\r\nTransfer-Encoding: chunked\r\n\r\n")
    began = time.monotonic()
    with suppress(ConnectionError):
        while time.monotonic() - began < 15:
            client.sendall(b"1\r\n0\r\n")
            time.sleep(0.05)
    assert time.monotonic() - began < 10
    wait(lambda: not server.server.server_state.connections)


def test_an_answer_that_nobody_takes_is_thrown_away(slow, monkeypatch):
    server, client = slow
    monkeypatch.setattr(server.explorer, "examples", {"much": "0" * (8 << 20)})
    client.sendall(request(server.url, "GET", "/api/examples") * 4)
    wait(lambda: not server.server.server_state.connections)
    assert server.app._running == 0
    assert httpx.post(server.url + "api/decode", json={"place": [0.0] * 5}, timeout=20).status_code == 200


HEADS = {
    "many": b"".join(b"X-%d: 0\r\n" % number for number in range(5000)),
    "one that is long": b"X: " + b"0" * 100_000 + b"\r\n",
    "no HTTP": b"\x00\xff: \r\n",
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_is_bounded(slow, name):
    server, client = slow
    with suppress(ConnectionError):
        client.sendall(f"GET / HTTP/1.1\r\nHost: {server.url[7:-1]}\r\n".encode() + HEADS[name] + b"\r\n")
    assert ends(client)[:12] in (b"HTTP/1.1 431", b"HTTP/1.1 400", b"")
    assert httpx.get(server.url + "api/history", timeout=20).status_code == 200


def test_what_is_no_request_while_an_answer_is_on_its_way_ends_the_connection_quietly(slow, monkeypatch):
    server, client = slow
    complaints = []
    monkeypatch.setattr(logging.getLogger("asyncio"), "handle", complaints.append)
    gate, begun = threading.Event(), threading.Event()
    server.explorer.worker.submit(lambda: begun.set() or gate.wait(30))
    begun.wait(20)
    client.sendall(request(server.url, "POST", "/api/decode", b'{"place": [0, 0, 0, 0, 0]}'))
    wait(lambda: server.explorer.worker._queue.qsize() == 1)
    client.sendall(b"\x00\xff" * 1000 + b"\r\n\r\n")
    gate.set()
    assert ends(client)[:12] in (b"HTTP/1.1 200", b"")
    assert complaints == []
    assert httpx.get(server.url + "api/history", timeout=20).status_code == 200


def test_a_server_asked_for_a_websocket_stays_with_plain_answers(slow):
    server, client = slow
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n"
    client.sendall(f"GET /api/history HTTP/1.1\r\nHost: {server.url[7:-1]}\r\n{upgrade}\r\n".encode())
    assert answered(client).startswith(b"HTTP/1.1 200")


def test_work_of_a_client_that_went_away_is_not_done(monkeypatch):
    with impatient(monkeypatch) as server:
        explorer, url = server.explorer, server.url
        gate, begun, done = threading.Event(), threading.Event(), []
        explorer.worker.submit(lambda: begun.set() or gate.wait(30))
        begun.wait(20)
        monkeypatch.setattr(explorer.player, "sample", lambda wish: done.append(wish) or {})
        body = b'{"number": 1}'
        head = f"POST /api/sample HTTP/1.1\r\nHost: {url[7:-1]}\r\nContent-Type: application/json\r\n"
        with socket.create_connection(address(url)) as gone:
            gone.sendall(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
            wait(lambda: explorer.worker._queue.qsize() == 1)
        time.sleep(1.0)
        gate.set()
        assert httpx.post(url + "api/decode", json={"place": [0.0] * 5}, timeout=20).status_code == 200
        assert done == []


def test_a_port_that_is_taken_is_one_sentence(run, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert answer(["explore", str(run), "--no-browser", "--port", str(port)]) == 2
    said = capsys.readouterr().err
    assert f"port {port}" in said
    assert said.count("\n") == 1


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(RunError, match="cannot be used"):
        serving.listen("203.0.113.7", 0)


def test_names_are_those_of_the_address_alone():
    assert serving.hosts("::1", 5) == {"127.0.0.1:5", "[::1]:5", "localhost:5"}
    assert "evil.example:5" not in serving.hosts("0.0.0.0", 5)
    assert f"{socket.gethostname().lower()}:5" in serving.hosts("0.0.0.0", 5)


def test_without_its_packages_the_verb_says_what_to_install(run):
    code = (
        "import sys\nsys.modules['fastapi'] = None\n"
        f"from genlatent.cli.main import answer\nsys.exit(answer(['explore', {str(run)!r}, '--no-browser']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'genlatent[explore]'" in done.stderr
    assert done.stderr.count("\n") == 1
