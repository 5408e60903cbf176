"""`.npz` archives, read without pickle and closed whatever happens."""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

DAMAGED = (OSError, ValueError, KeyError, EOFError, zlib.error, zipfile.BadZipFile)


def read_archive(path: Path, keys: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Arrays by key, all of them or the named ones; one of :data:`DAMAGED` where the file is not what it should be."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        return {key: archive[key] for key in (archive.files if keys is None else keys)}
