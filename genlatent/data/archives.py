"""`.npy` and `.npz` files, read without pickle, no larger than they say, and closed whatever happens."""

import tarfile
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from genlatent.data.memory import refuse_beyond_host

DAMAGED = (
    *(OSError, EOFError, ValueError, TypeError, LookupError, SyntaxError, RuntimeError, MemoryError, OverflowError),
    *(zlib.error, zipfile.BadZipFile, tarfile.TarError, tokenize.TokenError),
)

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # those that numpy writes
LARGER = "write each with numpy.save as an .npy file, which is read in blocks where it is large"
VERSIONS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_archive(path: Path, keys: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Arrays by key, all of them or the named ones; one of :data:`DAMAGED` where the file is not what it should be.

    Arrays that take more than a quarter of main memory together are refused before they are unpacked.
    """
    with path.open("rb") as file, zipfile.ZipFile(file) as archive:
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        if keys is not None:
            members = {key: _known(members, key) for key in keys}
        refuse_beyond_host(sum(member.file_size for member in members.values()), path, LARGER)
        return {key: _member(archive, member) for key, member in members.items()}


def _known(members: dict[str, zipfile.ZipInfo], key: str) -> zipfile.ZipInfo:
    if key not in members:
        raise KeyError(f"{key} is not a file in the archive")
    return members[key]


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    if not member.filename.endswith(".npy") or member.compress_type not in METHODS:
        raise ValueError(f"{member.filename} is not as numpy writes it")
    with archive.open(member) as file:
        return _array(file, member.file_size, member.filename)


def read_array(path: Path) -> np.ndarray:
    """The array of an `.npy` file, at most a quarter of main memory; one of :data:`DAMAGED` where it holds none."""
    size = path.stat().st_size
    refuse_beyond_host(size, path, "give fewer rows")
    with path.open("rb") as file:
        return _array(file, size, path.name)


def _array(file: Any, size: int, name: str) -> np.ndarray:
    """Header and values, in the very number of bytes that there are: no header decides how much memory is taken."""
    shape, columns_first, dtype = header(file)
    values = size - file.tell()
    if prod(shape) * dtype.itemsize != values:
        raise ValueError(f"{name} announces {shape} values of {dtype} in {values} bytes")
    content = file.read(values)
    if len(content) != values:
        raise ValueError(f"{name} ends after {len(content)} of {values} bytes")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if columns_first else "C")


def header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether columns come first, and type of an array of plain numbers or texts; objects are refused.

    >>> import io
    >>> file = io.BytesIO()
    >>> np.save(file, np.zeros((2, 3), dtype=np.float32))
    >>> _ = file.seek(0)
    >>> header(file)
    ((2, 3), False, dtype('float32'))
    """
    version = np.lib.format.read_magic(file)
    if version not in VERSIONS:
        raise ValueError(f"version {version} of the format is not read")
    with warnings.catch_warnings(action="ignore"):  # of names of types that are no longer in use
        shape, columns_first, dtype = VERSIONS[version](file)
    if min(shape, default=1) < 0 or not dtype.itemsize:
        raise ValueError(f"there are no arrays of shape {shape} and type {dtype}")
    if dtype.kind not in "biufcU":
        raise ValueError(f"values of type {dtype} are no numbers and may hold code; only arrays of numbers are read")
    return shape, columns_first, dtype
