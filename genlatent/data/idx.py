"""The IDX layout of MNIST: a magic number, the sizes, then bytes in row-major order; plain or gzipped."""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

from genlatent.errors import DataError

UNSIGNED_BYTES = 8  # the type code that the data sets of this layout use


def read_idx(path: Path, advice: str = "fetch the file again") -> np.ndarray:
    """The array of bytes in an IDX file; the magic number's last byte is the number of axes."""
    content = _content(path, advice)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != UNSIGNED_BYTES:
        raise DataError(f"{path}: not an IDX file of bytes (it starts with {content[:4].hex() or 'nothing'}); {advice}")
    axes = content[3]
    start = 4 + 4 * axes
    sizes = struct.unpack(f">{axes}I", content[4:start]) if len(content) >= start else (-1,)
    expected = int(np.prod(sizes))
    if len(content) - start != expected:
        shape = "x".join(map(str, sizes))
        raise DataError(f"{path}: {len(content) - start} bytes of data where {shape} announces {expected}; {advice}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(sizes)


def write_idx(path: Path, values: np.ndarray) -> None:
    """Write bytes in the same layout, gzipped where the name ends in .gz."""
    head = bytes([0, 0, UNSIGNED_BYTES, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    content = head + np.ascontiguousarray(values, dtype=np.uint8).tobytes()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def _content(path: Path, advice: str) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; {advice}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: truncated or not gzip ({error}); {advice}") from error
