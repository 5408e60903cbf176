"""Clients of a server in a process of its own: crowds that ask without a pause, and what the server makes of them."""

import asyncio
import json
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

ASKED = (
    ("GET", "/", b""),
    ("POST", "/api/decode", b'{"place": [0.0, 0.0]}'),
    ("POST", "/api/sample", b'{"number": 1}'),
)


@contextmanager
def serving(run):
    """`genlatent explore RUN` in a process of its own, which knows its `url` and ends without a word."""
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


def files(process):
    """How many files and sockets are open."""
    return len(list(Path(f"/proc/{process.pid}/fd").iterdir()))


def address(url):
    """Host and port."""
    host, _, port = url.removeprefix("http://").rstrip("/").rpartition(":")
    return host, int(port)


def request(url, method, path, body=b""):
    """The bytes of one request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: {url[7:-1]}\r\nContent-Type: application/json\r\n"
    return head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


async def play(url, until, counts, number, asked=ASKED):
    """One client that asks as fast as it is answered, and a busy server no less often."""
    reader, writer = await asyncio.open_connection(*address(url))
    while time.monotonic() < until:
        writer.write(request(url, *asked[number % len(asked)]))
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
