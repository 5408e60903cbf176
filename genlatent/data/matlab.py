"""A matrix of bytes from a MATLAB 5 file by the published layout; a damaged one ends in a sentence, in bounded memory.

A file is a header of 128 bytes and then elements: two 32-bit numbers, the type and the length, and so many bytes,
filled up to a multiple of 8; where the upper half of the first number is not zero it is the length, and up to 4 bytes
follow at once. A matrix is an element that holds four others: flags, dimensions, name and values, column by column.

References:
    MAT-File Format (The MathWorks, 2023), version 5
"""

import struct
import zlib
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np

from genlatent.errors import DataError

HEADER = 128
BYTES, MATRIX, PACKED = 2, 14, 15  # types of elements
LARGEST = 2**26  # bytes that a packed element may unfold to


class Element(NamedTuple):
    """A type and what is stored."""

    kind: int
    content: bytes


def read_matrix(path: Path, name: str) -> np.ndarray:
    """The matrix of that name, whose values are stored as unsigned bytes.

    Args:
        path: of a MATLAB 5 file.
        name: of the variable.
    """
    content = path.read_bytes()
    order = {b"IM": "<", b"MI": ">"}.get(content[126:HEADER])
    if order is None:
        raise DataError(f"{path}: no MATLAB 5 file; store it again by save -v6")
    try:
        for element in _elements(content[HEADER:], order):
            found = _matrix(element, name, order)
            if found is not None:
                return found
    except (struct.error, zlib.error, ValueError) as error:
        raise DataError(f"{path}: damaged ({error})") from None
    raise DataError(f"{path}: it holds no matrix {name} of bytes")


def _elements(content: bytes, order: str, packed: bool = True) -> Iterator[Element]:
    """Elements one after the other, packed ones unfolded."""
    at = 0
    while at < len(content):
        kind, length = struct.unpack_from(f"{order}2I", content, at)
        small = kind >> 16
        start, length, kind = (at + 4, small, kind & 0xFFFF) if small else (at + 8, length, kind)
        if length > len(content) - start:
            raise ValueError(f"an element of {length} bytes, where {len(content) - start} are left")
        stored = content[start : start + length]
        if kind == PACKED:
            if not packed:
                raise ValueError("an element is packed twice")
            yield from _elements(zlib.decompressobj().decompress(stored, LARGEST), order, packed=False)
            at = start + length
        else:
            yield Element(kind, stored)
            at = at + 8 if small else start + length + -length % 8


def _matrix(element: Element, name: str, order: str) -> np.ndarray | None:
    """What an element holds, if it is the matrix that is looked for."""
    if element.kind != MATRIX:
        return None
    parts = list(_elements(element.content, order))
    if len(parts) < 4 or parts[2].content != name.encode() or parts[3].kind != BYTES:
        return None
    shape = np.frombuffer(parts[1].content, f"{order}i4").tolist()
    if min(shape, default=0) < 1 or prod(shape) != len(parts[3].content):
        raise ValueError(f"{name} of shape {tuple(shape)} in {len(parts[3].content)} bytes")
    return np.frombuffer(parts[3].content, np.uint8).reshape(shape, order="F")
