"""Matrices as scipy writes them, whole and damaged."""

import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from scipy.io import savemat

from genlatent.data.matlab import HEADER, read_matrix
from genlatent.errors import DataError

MATRIX = np.random.default_rng(0).integers(0, 256, (56, 3), dtype=np.uint8)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("beside", [{}, {"other": np.eye(2), "words": "text"}])
def test_a_matrix_is_read_as_it_was_written(tmp_path, packed, beside):
    savemat(tmp_path / "x.mat", {**beside, "ff": MATRIX}, do_compression=packed)
    assert np.array_equal(read_matrix(tmp_path / "x.mat", "ff"), MATRIX)


def test_a_matrix_of_the_other_byte_order_is_read(tmp_path):
    flags, shape, name = struct.pack(">4I", 6, 8, 9, 0), struct.pack(">2I2i", 5, 8, 4, 2), b"\x00\x02\x00\x01ff\x00\x00"
    inside = flags + shape + name + struct.pack(">2I", 2, 8) + bytes(range(8))
    (tmp_path / "x.mat").write_bytes(bytes(124) + b"\x01\x00MI" + struct.pack(">2I", 14, len(inside)) + inside)
    assert np.array_equal(read_matrix(tmp_path / "x.mat", "ff"), np.arange(8).reshape(4, 2, order="F"))


def test_what_is_not_there_is_said(tmp_path):
    savemat(tmp_path / "x.mat", {"ff": np.eye(2) / 3})
    with pytest.raises(DataError, match="no matrix ff of bytes"):
        read_matrix(tmp_path / "x.mat", "ff")
    (tmp_path / "y.mat").write_bytes(b"<html></html>")
    with pytest.raises(DataError, match="no MATLAB 5 file"):
        read_matrix(tmp_path / "y.mat", "ff")


@pytest.mark.parametrize("packed", [False, True])
def test_every_damaged_length_is_refused(tmp_path, packed):
    """Each 32-bit number in turn is made as large as it can be; what is still read has the right size."""
    savemat(tmp_path / "x.mat", {"ff": MATRIX}, do_compression=packed)
    sound = (tmp_path / "x.mat").read_bytes()
    for at in range(HEADER, min(len(sound), HEADER + 64), 4):
        (tmp_path / "x.mat").write_bytes(sound[:at] + b"\xff\xff\xff\x7f" + sound[at + 4 :])
        with suppress(DataError):
            assert read_matrix(tmp_path / "x.mat", "ff").size == MATRIX.size


def test_what_is_packed_twice_is_refused(tmp_path):
    """A file could unfold into itself for ever."""
    inside = zlib.compress(struct.pack("<2I", 15, 8) + bytes(8))
    (tmp_path / "x.mat").write_bytes(bytes(126) + b"IM" + struct.pack("<2I", 15, len(inside)) + inside)
    with pytest.raises(DataError, match="packed twice"):
        read_matrix(tmp_path / "x.mat", "ff")
