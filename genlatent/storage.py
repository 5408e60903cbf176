"""Files and folders that are there whole or not at all, whatever happens while they are written.

What is unfinished lies beside its place under a name of its own, which the process holds by a lock as long as it lives.
So whoever writes there next can tell what a killed process left from what another one is just writing.
"""

import errno
import fcntl
import glob
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from genlatent.errors import DataError, RunError

PARTIAL = ".partial"  # ending of names under which something unfinished lies
OURS = re.compile(rf"\.[0-9a-f]+{re.escape(PARTIAL)}$")
PRIVATE = 0o700
LARGEST = 64 * 2**20  # bytes of a JSON file that is read

FULL = dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "make room, or name another place")
CLOSED = dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "name a place that may be written to")
REMEDIES = FULL | CLOSED


def spelt_out(path: str | Path) -> Path:
    """The path with `~` and `~somebody` replaced by that user's own folder.

    >>> spelt_out("~no such user/rows.csv")
    Traceback (most recent call last):
    ...
    genlatent.errors.DataError: ~no such user/rows.csv: there is no user of that name; write the whole path
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise DataError(f"{path}: there is no user of that name; write the whole path") from error


def beside(path: Path, tag: str | int | None = None) -> Path:
    """A temporary name beside `path`, a new one each time unless a tag says which."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4) if tag is None else tag}{PARTIAL}")


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A temporary name to write to; moved to `path` when the block ends well, removed when it does not.

    >>> place = Path(tempfile.mkdtemp()) / "notes.txt"
    >>> with new_file(place) as temporary:
    ...     _ = temporary.write_text("whole")
    >>> place.read_text(), len(list(place.parent.iterdir()))
    ('whole', 1)
    """
    with said(path), _room(path, _new_file) as temporary:
        yield temporary
        sync(temporary)
        os.replace(temporary, path)
        _confirm(path)


@contextmanager
def new_folder(path: Path, tag: str | int | None = None) -> Iterator[Path]:
    """The same for a folder of files; others may write into it too, under a name that they share by its `tag`."""
    with said(path), _room(path, _new_folder, tag) as room:
        yield room
        for file in room.iterdir():
            sync(file)
        sync(room)
        os.rename(room, path)
        _confirm(path)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder among the system's temporary files, gone when the block ends, or else when the next one begins."""
    place = Path(tempfile.gettempdir()) / f"genlatent-{os.getuid()}"
    with _room(place, _private_folder) as room:
        yield room


def write_text(path: Path, text: str) -> None:
    """Replace a file's text in one go."""
    with new_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file in one go."""
    write_text(path, json.dumps(value, indent=1) + "\n")


def put_json(path: Path, value: Any) -> None:
    """Write a JSON file into a folder that is itself being written."""
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """What a JSON file of at most :data:`LARGEST` bytes holds, or one sentence about why it cannot be read."""
    try:
        text = read_text(path)
        found = json.loads(text)
        if "\\ud" in text.lower():
            json.dumps(found, ensure_ascii=False).encode()  # refuses half of a character that UTF-16 writes in two
        return found
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path} cannot be read: {error}") from error


def read_text(path: Path, largest: int = LARGEST) -> str:
    """A file's text; one that is larger than what is written there ever is gets refused with a ValueError."""
    with path.open("rb") as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise ValueError(f"it is larger than {largest:,} bytes")
    return content.decode("utf-8")


def remove_partial(folder: Path, name: str | None = None) -> None:
    """Remove what dead processes left half-written in a folder: of the file `name`, or of any."""
    for leftover in folder.glob(f".{'*' if name is None else glob.escape(name)}.*{PARTIAL}"):
        if OURS.search(leftover.name) and not _is_held(leftover):
            _remove(leftover)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def said(path: Path) -> Iterator[None]:
    """Say in one sentence what keeps `path` from being written, and what to do."""
    try:
        yield
    except OSError as error:
        removed = "" if error.errno in CLOSED else "nothing half-written was left, "
        remedy = f"; {REMEDIES[error.errno]}" if error.errno in REMEDIES else ""
        raise RunError(
            f"{path} could not be written: {_reason(error)}; {removed}what was there before stays{remedy}"
        ) from error


@contextmanager
def lock(path: Path, refusal: str) -> Iterator[None]:
    """Hold a lock file, or a folder; where another process does, stop with the sentence given.

    A dead process holds nothing.
    """
    with said(path):
        descriptor = os.open(path, os.O_RDONLY) if path.is_dir() else _opened(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunError(refusal) from error
        yield
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)


@contextmanager
def _room(path: Path, make: Callable[[Path], int], tag: str | int | None = None) -> Iterator[Path]:
    """A file or folder of this process's own for what is to become `path`; what dead processes left of it goes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_partial(path.parent, path.name)
    room, descriptor = _claimed(path, make, tag)
    try:
        yield room
    finally:
        _remove(room)
        os.close(descriptor)


def _claimed(path: Path, make: Callable[[Path], int], tag: str | int | None) -> tuple[Path, int]:
    """Something new and the descriptor that holds it; made again where somebody took it for a dead process's."""
    while True:
        room = beside(path, tag)
        try:
            descriptor = make(room)
        except FileNotFoundError:
            if not path.parent.is_dir():
                raise
            continue
        with suppress(OSError):  # a file system without locks: then nobody takes it for a dead process's
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if room.exists():
            return room, descriptor
        os.close(descriptor)


def _new_file(room: Path) -> int:
    return os.open(room, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)


def _new_folder(room: Path, mode: int = 0o777) -> int:
    room.mkdir(mode)
    return os.open(room, os.O_RDONLY)


def _private_folder(room: Path) -> int:
    return _new_folder(room, PRIVATE)


def _remove(room: Path) -> None:
    if room.is_dir():
        shutil.rmtree(room, ignore_errors=True)
        return
    with suppress(OSError):
        room.unlink(missing_ok=True)


def _is_held(leftover: Path) -> bool:
    """Whether a living process has it, or nobody can know."""
    try:
        descriptor = os.open(leftover, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _confirm(path: Path) -> None:
    """Wait until the disk knows of a new name."""
    try:
        sync(path.parent)
    except OSError as error:
        reason = _reason(error)
        raise RunError(f"{path} is written, but the disk did not confirm it: {reason}; look after the disk") from error


def _reason(error: OSError) -> str:
    """What the system says, without what a library adds."""
    return os.strerror(error.errno) if error.errno else str(error)
