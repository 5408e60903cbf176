"""What compilations cost on this machine, remembered beside torch's own cache of them, and lost together with it."""

import contextlib
import getpass
import hashlib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import torch

from genlatent import storage
from genlatent.components import NotDescribable, describe
from genlatent.errors import RunError

WARM_SHARE = 0.2  # of a cold compilation's time that it takes to find its result on disk, until that was measured


def name_of(model: Any, objective: Any, batch_size: int, num_rows: int | None) -> str | None:
    """What a compiled step is remembered by; None where model or objective cannot be described."""
    try:
        parts = [describe(model), describe(objective), batch_size, num_rows, torch.__version__]
    except NotDescribable:
        return None
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=16).hexdigest()


def expected(name: str | None) -> float | None:
    """Seconds until a step runs as machine code, where it was compiled here before; None where it was not."""
    found = _read(name)
    if found is None:
        return None
    return found.get("warm", WARM_SHARE * found["cold"])


def remember(name: str | None, seconds: float) -> None:
    """Keep what a compilation took: `cold` the first time, `warm` when the cache had it."""
    if name is None:
        return
    found = _read(name)
    made = {"cold": seconds} if found is None else {"cold": found["cold"], "warm": seconds}
    with contextlib.suppress(OSError, RunError):  # a cache that cannot be written costs time and nothing else
        storage.write_json(_place(name), made)


def _read(name: str | None) -> dict[str, float] | None:
    if name is None:
        return None
    try:
        return json.loads(_place(name).read_text())
    except (OSError, ValueError):
        return None


def _place(name: str) -> Path:
    return folder() / "genlatent" / f"{name}.json"


def folder() -> Path:
    """Where torch keeps what it compiled, found without loading its compiler."""
    given = os.environ.get("TORCHINDUCTOR_CACHE_DIR")
    return Path(given or os.path.join(tempfile.gettempdir(), "torchinductor_" + re.sub(r'[\\/:*?"<>|]', "_", _user())))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, ModuleNotFoundError, OSError):
        return f"uid_{os.getuid()}"
