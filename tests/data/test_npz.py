import numpy as np
import pytest

from genlatent.data.npz import write_npz
from genlatent.errors import DataError


def test_an_archive_holds_the_arrays_and_nothing_else(tmp_path):
    write_npz(tmp_path / "x.npz", x=np.eye(2), seed=np.array(3))
    with np.load(tmp_path / "x.npz", allow_pickle=False) as found:
        assert sorted(found.files) == ["seed", "x"]
        assert np.array_equal(found["x"], np.eye(2))


def test_objects_are_not_written(tmp_path):
    with pytest.raises(DataError, match="labels holds objects"):
        write_npz(tmp_path / "x.npz", x=np.eye(2), labels=np.array([None, "a"], object))
    assert not list(tmp_path.iterdir())
