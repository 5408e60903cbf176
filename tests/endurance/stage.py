"""Processes that begin with everything imported, to be killed at any moment or given a disk that is full.

A server imports once and forks a child for each act; `knocks.c`, loaded before everything else, stands between the
child and the system, counts what is done to the files below one folder, and strikes at the n-th such call.
"""

import atexit
import ctypes
import errno
import functools
import hashlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any, NamedTuple

import pytest

SOURCE = Path(__file__).with_name("knocks.c")
ROOT = Path(__file__).parents[2]
COUNT, KILL, FAIL = 1, 2, 3
NAME, CONTENT, REMOVAL = 1, 2, 4
TOUCHED = {errno.ENOSPC: NAME | CONTENT, errno.EACCES: NAME | REMOVAL, errno.EROFS: NAME | REMOVAL}


class Knock(NamedTuple):
    """What strikes below a folder at which call: nothing (it is only counted), a kill, or an error from then on."""

    below: Path
    what: int = COUNT
    at: int = 0
    error: int = 0

    def plain(self) -> list[Any]:
        """What the process is told."""
        return [str(self.below), self.what, self.at, self.error, TOUCHED.get(self.error, NAME | CONTENT | REMOVAL)]


class Ending(NamedTuple):
    """How an act ended: its exit code, or minus the signal that ended it."""

    code: int
    seconds: float
    knocks: int
    said: str

    @property
    def killed(self) -> bool:
        """Whether it was killed before it came to its end."""
        return self.code == -signal.SIGKILL


class Stage:
    """The server, as its audience sees it."""

    def __init__(self) -> None:
        told = {**os.environ, "OMP_NUM_THREADS": "1", "LD_PRELOAD": str(built()), "KNOCKS": str(built())}
        line = [sys.executable, "-m", "tests.endurance.stage"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(line, stdin=pipe, stdout=pipe, text=True, cwd=ROOT, env=told)
        atexit.register(self.close)

    def act(self, act: str, *how: Any, kill_after: float | None = None, knock: Knock | None = None) -> Ending:
        """One act, `module:function`, from its beginning to its end or until it is killed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        struck = None if knock is None else knock.plain()
        self.process.stdin.write(json.dumps([act, [*map(_plain, how)], kill_after, struck]) + "\n")
        self.process.stdin.flush()
        return Ending(*json.loads(self.process.stdout.readline()))

    def close(self) -> None:
        """Let the server go; it holds nothing."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


def _plain(value: Any) -> Any:
    return [str(part) for part in value] if isinstance(value, list) else str(value)


@functools.cache
def stage() -> Stage:
    """The one stage of these tests."""
    return Stage()


@functools.cache
def built() -> Path:
    """The library that knocks, compiled once for each text of it."""
    place = Path(tempfile.gettempdir()) / f"genlatent-knocks-{os.getuid()}-{_mark()}.so"
    if not place.exists():
        compiler = next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)
        if compiler is None:
            pytest.skip("knocks.c has to be compiled: install a C compiler")
        part = place.with_suffix(f".{os.getpid()}")
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", str(SOURCE), "-o", str(part), "-ldl"], check=True)
        part.replace(place)
    return place


def _mark() -> str:
    return hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]


def serve() -> None:
    """Read acts line by line and play them, until nobody asks any more."""
    importlib.import_module("tests.endurance.acts").begin()
    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            print(json.dumps(_played(Path(folder), *json.loads(line))), flush=True)


def _played(folder: Path, act: str, how: list[Any], kill_after: float | None, struck: list[Any] | None) -> Ending:
    start = time.perf_counter()
    child = os.fork()
    if child == 0:
        _play(folder, act, how, struck)
    code = _ended(child, start, kill_after)
    count = folder / "count"
    knocks = int(count.read_text()) if count.exists() else 0
    count.unlink(missing_ok=True)
    return Ending(code, time.perf_counter() - start, knocks, (folder / "said").read_text())


def _ended(child: int, start: float, kill_after: float | None) -> int:
    while kill_after is not None:
        if time.perf_counter() - start >= kill_after:
            os.kill(child, signal.SIGKILL)
            break
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.0005)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _play(folder: Path, act: str, how: list[Any], struck: list[Any] | None) -> None:
    """In the child: what it says goes to a file, and it never comes back."""
    code = 70
    try:
        said = os.open(folder / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number, target in ((os.open(os.devnull, os.O_RDONLY), 0), (said, 1), (said, 2)):
            os.dup2(number, target)
        module, _, name = act.partition(":")
        function = getattr(importlib.import_module(module), name)
        knocks = ctypes.CDLL(os.environ["KNOCKS"])
        if struck is not None:
            knocks.knock(struck[0].encode(), struck[1], ctypes.c_long(struck[2]), *struck[3:])
        code = int(function(*how) or 0)
        if struck is not None:
            (folder / "count").write_text(str(knocks.knocks()))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
