"""The page on a port of this machine, until somebody says stop."""

import ipaddress
import socket
import threading
from collections.abc import Callable

import uvicorn

from genlatent.errors import RunError
from genlatent.explorer.app import Explorer, make_app
from genlatent.explorer.connections import Patient
from genlatent.explorer.guard import LARGEST_HEAD, App
from genlatent.explorer.subject import Subject
from genlatent.explorer.watching import warm_up

LOOPBACK = "127.0.0.1"
MOST_CONNECTIONS = 1500
GRACE = 2  # seconds that answers on their way may take when the server ends


def serve(subject: Subject, host: str = LOOPBACK, port: int = 0, opened: Callable[[str], None] | None = None) -> None:
    """Serve the page of a model until the process is interrupted.

    Args:
        subject: the model, and what is known of it.
        host: an address of this machine; the page is seen from elsewhere only if it is not a loopback one.
        port: 0 for any that is free.
        opened: told the page's address as soon as it can be asked for.
    """
    listening = listen(host, port)
    explorer = Explorer(subject)
    try:
        address = f"http://{named(host)}:{listening.getsockname()[1]}/"
        app = make_app(explorer, hosts(host, listening.getsockname()[1]))
        if opened is not None:
            opened(address)
        if explorer.about["chains"]:
            threading.Thread(target=warm_up, name="genlatent-warm-up", daemon=True).start()
        uvicorn.Server(config(app)).run(sockets=[listening])
    finally:
        listening.close()
        explorer.worker.close()


def config(app: App) -> uvicorn.Config:
    """How the server runs: silent, without websockets, patient only for a while, and bounded in everything."""
    return uvicorn.Config(
        app,
        http=Patient,
        ws="none",
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        limit_concurrency=MOST_CONNECTIONS,
        h11_max_incomplete_event_size=LARGEST_HEAD,
    )


def listen(host: str, port: int) -> socket.socket:
    """A socket that waits for connections, or one sentence saying why there is none."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(1024)
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or error
        raise RunError(
            f"port {port} of {host} cannot be used ({reason}); leave --port out for any that is free"
        ) from None
    return listening


def hosts(host: str, port: int) -> set[str]:
    """What a request to this server may say that it asks; names that others could point here are not among it.

    >>> sorted(hosts("127.0.0.1", 80))
    ['127.0.0.1:80', '[::1]:80', 'localhost:80']
    """
    known = {LOOPBACK, "[::1]", "localhost", named(host)}
    if not _loopback(host):
        known |= {socket.gethostname().lower(), *_own_addresses()}
    return {f"{name}:{port}" for name in known}


def named(host: str) -> str:
    """An address as it stands in a URL.

    >>> named("::1"), named("0.0.0.0")
    ('[::1]', '127.0.0.1')
    """
    if host in ("0.0.0.0", "::", ""):
        return LOOPBACK
    return f"[{host}]" if ":" in host else host


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _own_addresses() -> set[str]:
    try:
        found = socket.getaddrinfo(socket.gethostname(), None)
    except OSError:
        return set()
    return {named(str(place[4][0])) for place in found}
