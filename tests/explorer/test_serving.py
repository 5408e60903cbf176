"""A real server on a port of its own: many clients at once, slow ones, and those that go away."""

import asyncio
import json
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from genlatent.cli.main import answer
from genlatent.errors import RunError
from genlatent.explorer import serving
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
    start = "from genlatent.cli.main import run; run()"
    command = [sys.executable, "-c", start, "explore", str(run), "--no-browser", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.url = json.loads(process.stdout.readline())["url"]
        yield process
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr.read() == ""


def resident(process):
    """MiB in memory."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def address(url):
    host, _, port = url.removeprefix("http://").rstrip("/").rpartition(":")
    return host, int(port)


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


async def play(url, until, counts, number):
    """One client that asks as fast as it is answered, and a busy server no less often."""
    asked = [
        ("GET", "/", b""),
        ("POST", "/api/decode", b'{"place": [0.0, 0.0]}'),
        ("POST", "/api/sample", b'{"number": 1}'),
    ]
    reader, writer = await asyncio.open_connection(*address(url))
    while time.monotonic() < until:
        method, path, body = asked[number % 3]
        head = f"{method} {path} HTTP/1.1\r\nHost: {url[7:-1]}\r\nContent-Type: application/json\r\n"
        writer.write(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        found = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        await reader.readexactly(int(found.partition("content-length: ")[2].split()[0]))
        status = int(found.split()[1])
        counts[status] = counts.get(status, 0) + 1
        number += 1
    writer.close()
    await writer.wait_closed()


async def crowd(url, clients, seconds):
    """How often each status was answered; a client that is not answered, or let go, fails."""
    counts, until = {}, time.monotonic() + seconds
    await asyncio.gather(*(play(url, until, counts, number) for number in range(clients)))
    return counts


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
    monkeypatch.setattr(serving, "PATIENCE", 1.0)
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
