import numpy as np
import pytest

from benchmarks import stream
from benchmarks.harness import Settings


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A file of a few blocks, and a moment's work."""
    for name, value in {"PIXELS": 8, "BATCH": 4, "STEPS": 3, "BLOCK_BYTES": 4 * 8 * 20}.items():
        monkeypatch.setattr(stream, name, value)
    path = tmp_path / "rows.npy"
    stream.write(path, 10 * 4 * 8 * 20, seed=0)
    return path


def test_the_file_is_an_array_of_bits_of_that_size(small):
    rows = np.load(small, mmap_mode="r")
    assert rows.shape == (200, 8)
    assert set(np.unique(rows)) == {0.0, 1.0}


def test_a_streamed_step_is_timed_against_one_in_memory(small):
    found = stream.measure(small, 0.0)
    assert found["streamed"] > 0 < found["in memory"]
    assert found["peak"] > 10**7


def test_the_row_says_what_was_in_memory():
    ms = {"streamed": 1.05, "in memory": 1.0, "peak": 0.5 * stream.GIB}
    (row,) = stream.rows(4 * stream.GIB, ms)
    assert row.said == "at most 0.50 GiB resident, below 1 GiB; goal 1.10 reached"
    (row,) = stream.rows(4 * stream.GIB, ms | {"peak": 2.0 * stream.GIB})
    assert "NOT below 1 GiB" in row.said
    assert stream.SIZE == 4 * stream.GIB
    assert Settings().seconds(60, 10) == 60
