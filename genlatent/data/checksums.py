"""SHA-256 of files, and of the arrays in them where an archive has no bytes of its own to be held to."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np


def of_file(path: Path) -> str:
    """Of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def of_arrays(arrays: Mapping[str, np.ndarray]) -> str:
    """Of the keys in sorted order, each with the shape and the values of its array; texts count as UTF-8 lines.

    >>> of_arrays({"x": np.zeros(2, np.uint8)}) == of_arrays({"x": np.zeros((1, 2), np.uint8)})
    False
    """
    digest = hashlib.sha256()
    for key in sorted(arrays):
        values = arrays[key]
        digest.update(f"{key} {values.shape} ".encode())
        text = values.dtype.kind == "U"
        digest.update("\n".join(values.tolist()).encode() if text else f"{values.dtype.newbyteorder('<')} ".encode())
        digest.update(b"" if text else np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()
