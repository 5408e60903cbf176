import gzip

import numpy as np
import pytest

from genlatent.data.idx import read_idx, write_idx
from genlatent.errors import DataError

VALUES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize("name", ["x-idx3-ubyte", "x-idx3-ubyte.gz"])
@pytest.mark.parametrize("values", [VALUES, VALUES[0, 0]])
def test_round_trip(tmp_path, name, values):
    write_idx(tmp_path / name, values)
    assert np.array_equal(read_idx(tmp_path / name), values)


def test_the_layout_byte_for_byte(tmp_path):
    path = tmp_path / "x"
    write_idx(path, VALUES)
    head = bytes.fromhex("00000803 00000002 00000003 00000004")
    assert path.read_bytes() == head + bytes(range(24))


def refusal(path):
    with pytest.raises(DataError) as caught:
        read_idx(path, "do this")
    assert str(caught.value).startswith(str(path))
    assert str(caught.value).endswith("do this")
    return str(caught.value)


def test_missing(tmp_path):
    assert "there is no such file" in refusal(tmp_path / "none.gz")


def test_truncated_gzip(tmp_path):
    path = tmp_path / "x.gz"
    write_idx(path, np.zeros((100, 50), np.uint8))
    path.write_bytes(path.read_bytes()[:-10])
    assert "truncated or not gzip" in refusal(path)


def test_not_gzip(tmp_path):
    path = tmp_path / "x.gz"
    path.write_bytes(b"<html>not found</html>")
    assert "truncated or not gzip" in refusal(path)


@pytest.mark.parametrize("content", [b"", b"\0\0", b"\x89PNG", b"\0\0\x0d\x01\0\0\0\x01abcd"])
def test_not_idx(tmp_path, content):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(content))
    assert "not an IDX file of bytes" in refusal(path)


def test_too_few_values(tmp_path):
    path = tmp_path / "x"
    write_idx(path, VALUES)
    path.write_bytes(path.read_bytes()[:-1])
    assert "23 bytes of data where 2x3x4 announces 24" in refusal(path)
    path.write_bytes(path.read_bytes()[:7])
    refusal(path)
