"""The IDX layout of MNIST: a magic number, the sizes, then bytes in row-major order; plain or gzipped."""

import gzip
import struct
import zlib
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from genlatent.data.memory import refuse_beyond_host
from genlatent.errors import DataError

UNSIGNED_BYTES = 8  # the type code that the data sets of this layout use
MOST_AXES = 8


def read_idx(path: Path, advice: str = "fetch the file again") -> np.ndarray:
    """The array of bytes in an IDX file; the magic number's last byte is the number of axes.

    An array of more than a quarter of main memory is refused; what is read never takes more than twice its size.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return _array(file, path, advice)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; {advice}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: truncated or not gzip ({error}); {advice}") from error


def _array(file: Any, path: Path, advice: str) -> np.ndarray:
    """What the header announces is read, and one byte more, so that the file decides nothing about the memory used."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] != UNSIGNED_BYTES:
        raise DataError(f"{path}: not an IDX file of bytes (it starts with {magic.hex() or 'nothing'}); {advice}")
    axes = magic[3]
    if axes > MOST_AXES:
        raise DataError(f"{path}: it announces {axes} axes, more than {MOST_AXES}; {advice}")
    head = file.read(4 * axes)
    if len(head) < 4 * axes:
        raise DataError(f"{path}: it ends within its header of {axes} sizes; {advice}")
    sizes = struct.unpack(f">{axes}I", head)
    expected = prod(sizes)
    refuse_beyond_host(expected, path, advice)
    content = file.read(expected + 1)
    if len(content) != expected:
        shape, found = "x".join(map(str, sizes)), "more" if len(content) > expected else str(len(content))
        raise DataError(f"{path}: {found} bytes of data where {shape} announces {expected}; {advice}")
    return np.frombuffer(content, np.uint8).reshape(sizes)


def write_idx(path: Path, values: np.ndarray) -> None:
    """Write bytes in the same layout, gzipped where the name ends in .gz."""
    head = bytes([0, 0, UNSIGNED_BYTES, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    content = head + np.ascontiguousarray(values, dtype=np.uint8).tobytes()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
