"""A file from a server, continued where an earlier try broke off."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from genlatent.errors import DataError

Progress = Callable[[str, int, int | None], None]  # name, bytes so far, bytes in all if the server says

CHUNK = 2**18
PATIENCE = 30.0  # seconds without a byte
BROKEN = (OSError, http.client.HTTPException)


def download(url: str, part: Path, progress: Progress | None = None) -> None:
    """Write what the URL holds to `part`; bytes that are there already are kept and the rest is asked for."""
    done = part.stat().st_size if part.exists() else 0
    response = _open(url, done, part)
    if response is None:  # the server has nothing beyond what is there
        return
    with response:
        resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
        done = done if resumed else 0
        total = _total(response, done)
        done = _receive(response, part, done, total, url, progress)
    if total is not None and done < total:
        raise _stopped(url, done, total, "the connection was closed")


def _open(url: str, done: int, part: Path) -> Any:
    headers = {"User-Agent": "genlatent", "Accept-Encoding": "identity"}
    if done:
        headers["Range"] = f"bytes={done}-"
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=PATIENCE)
    except urllib.error.HTTPError as error:
        error.close()
        if done and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return None
        raise DataError(f"{url}: the server answers {error.code} ({error.reason}); {_by_hand(part)}") from None
    except (*BROKEN, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise DataError(f"{url}: cannot be reached ({reason}); check the connection, or {_by_hand(part)}") from None


def _receive(response: Any, part: Path, done: int, total: int | None, url: str, progress: Progress | None) -> int:
    """Append (or begin) the file; returns its size."""
    with part.open("ab" if done else "wb") as file:
        while True:
            try:
                chunk = response.read(CHUNK)
            except BROKEN as error:
                raise _stopped(url, done, total, str(error) or type(error).__name__) from None
            if not chunk:
                return done
            file.write(chunk)
            done += len(chunk)
            if progress is not None:
                progress(part.name.removesuffix(".part"), done, total)


def _total(response: Any, done: int) -> int | None:
    length = response.headers.get("Content-Length")
    return None if length is None else done + int(length)


def _stopped(url: str, done: int, total: int | None, why: str) -> DataError:
    return DataError(
        f"{url}: stopped after {done} of {total or '?'} bytes ({why}); run it again to continue from there"
    )


def _by_hand(part: Path) -> str:
    return f"download it by hand to {part.with_suffix('')}"
