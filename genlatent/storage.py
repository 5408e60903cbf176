"""Files and folders that are there whole or not at all, whatever happens while they are written."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from genlatent.errors import RunError

PARTIAL = ".partial"  # ending of names under which something unfinished lies


def beside(path: Path, tag: str | int | None = None) -> Path:
    """A temporary name beside `path`, of this process unless a tag says whose."""
    return path.with_name(f".{path.name}.{os.getpid() if tag is None else tag}{PARTIAL}")


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A temporary name to write to; renamed to `path` when the block ends well, removed when it does not.

    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "notes.txt"
    >>> with new_file(place) as temporary:
    ...     _ = temporary.write_text("whole")
    >>> place.read_text(), len(list(place.parent.iterdir()))
    ('whole', 1)
    """
    temporary = beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
        _sync(path.parent)
    except OSError as error:
        raise _said(error, path) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path, tag: str | int | None = None) -> Iterator[Path]:
    """The same for a folder of files; others may write into it too, under a name that they share by its `tag`."""
    temporary = beside(path, tag)
    try:
        temporary.mkdir(parents=True)
        yield temporary
        for file in temporary.iterdir():
            _sync(file)
        _sync(temporary)
        os.rename(temporary, path)
        _sync(path.parent)
    except OSError as error:
        raise _said(error, path) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Replace a file's text in one go."""
    with new_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file in one go."""
    write_text(path, json.dumps(value, indent=1) + "\n")


def read_json(path: Path) -> Any:
    """What a JSON file holds, or one sentence about why it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {error}") from error


def remove_partial(folder: Path) -> None:
    """Remove what an interrupted process left half-written in a folder."""
    for leftover in folder.glob(f".*{PARTIAL}"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _said(error: OSError, path: Path) -> RunError:
    reason = error.strerror or str(error)
    return RunError(
        f"{path} could not be written: {reason}; nothing half-written was left, what was there before stays"
    )


@contextmanager
def lock(path: Path, refusal: str) -> Iterator[None]:
    """Hold a lock file; where another process holds it, stop with the sentence given. A dead process holds nothing."""
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunError(refusal) from error
        yield
