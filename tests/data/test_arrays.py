import numpy as np
import pytest
import torch

from genlatent.data.sources import load_data
from genlatent.errors import DataError

X = np.random.default_rng(0).random((30, 4), dtype=np.float32)
Y = np.arange(30)


def refusal(path, **options):
    with pytest.raises(DataError) as caught:
        load_data(path, **options)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_npy(tmp_path):
    np.save(tmp_path / "mine.npy", X)
    assert load_data(tmp_path / "mine.npy").fingerprint == load_data(X).fingerprint
    assert load_data(str(tmp_path / "mine.npy"), labels=Y).name == "mine"


def test_npy_that_cannot_be_read(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, X)
    path.write_bytes(path.read_bytes()[:-7])
    assert "truncated, or no array of numbers" in refusal(path)
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert "truncated, or no array of numbers" in refusal(path)
    path.write_bytes(b"")
    assert "truncated, or no array of numbers" in refusal(path)
    np.save(path, np.array(["text"]))
    assert "holds no rows of numbers" in refusal(path)


def test_npz_with_one_array(tmp_path):
    np.savez(tmp_path / "one.npz", pixels=X)
    assert load_data(tmp_path / "one.npz").fingerprint == load_data(X).fingerprint


def test_npz_with_labels(tmp_path):
    np.savez(tmp_path / "two.npz", x=X, y=Y)
    data = load_data(tmp_path / "two.npz", labels="y")
    assert data.fingerprint == load_data(X, labels=Y).fingerprint
    assert data.name == "two"
    assert load_data(tmp_path / "two.npz", key="x", labels=Y).fingerprint == data.fingerprint


def test_npz_with_sets(tmp_path):
    parts = {"train": X[:20], "valid": X[20:25], "test": X[25:]}
    np.savez(tmp_path / "sets.npz", **parts, **{f"y_{part}": np.arange(len(x)) for part, x in parts.items()})
    data = load_data(tmp_path / "sets.npz", labels="y")
    assert torch.equal(data.test, torch.from_numpy(X[25:]))
    assert data.labels.valid.tolist() == [0, 1, 2, 3, 4]
    assert load_data(tmp_path / "sets.npz").labels is None
    assert len(load_data(tmp_path / "sets.npz", valid=0.5).valid) == 10


def test_npz_that_is_not_clear(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, a=X, b=Y)
    assert "it holds a, b; say by key=" in refusal(path)
    assert "it holds no array 'c'; it holds a, b" in refusal(path, key="c")
    assert "it holds no array 'c'" in refusal(path, key="a", labels="c")
    np.savez(path, train=X, y=Y)
    assert "it holds no array 'y_train'" in refusal(path, labels="y")


def test_npz_that_cannot_be_read(tmp_path):
    path = tmp_path / "x.npz"
    np.savez_compressed(path, a=X)
    path.write_bytes(path.read_bytes()[:-40])
    assert "truncated, or no arrays of numbers" in refusal(path)
    np.savez(path, a=np.array([None]))
    assert "truncated, or no arrays of numbers" in refusal(path)
