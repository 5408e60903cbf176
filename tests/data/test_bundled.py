import numpy as np
import torch
from sklearn.datasets import load_digits

from genlatent.data.patterns import LARGEST
from genlatent.data.sources import load_data


def test_digits_are_all_there_once():
    data = load_data("digits")
    assert (len(data.train), len(data.valid), len(data.test)) == (1297, 250, 250)
    found = np.sort(torch.cat([data.train, data.valid, data.test]).reshape(-1, 64).numpy() * 16, axis=0)
    assert np.array_equal(found, np.sort(load_digits().data, axis=0))
    assert np.array_equal(torch.cat(data.labels).bincount().numpy(), np.bincount(load_digits().target))


def test_labels_of_digits_belong_to_their_rows():
    known = {row.tobytes(): label for row, label in zip(load_digits().data.astype(np.float32), load_digits().target)}
    data = load_data("digits")
    for x, y in zip((data.train, data.valid, data.test), data.labels, strict=True):
        assert [known[row.tobytes()] for row in (x * 16).reshape(-1, 64).numpy()] == y.tolist()


def test_the_split_of_digits_never_changes():
    assert load_data("digits").labels.test[:20].tolist() == [5, 5, 8, 5, 9, 0, 7, 7, 0, 6, 0, 0, 2, 3, 8, 7, 7, 0, 4, 4]


def test_patches_are_centred_and_scaled_and_come_from_their_own_strips():
    data = load_data("patches", n=2000)
    x = data.train
    assert (len(x), data.shape, data.support) == (1600, (1, 10, 10), "real")
    assert float(x.mean((2, 3)).abs().max()) < 1e-5
    assert abs(float(x.std()) - 1) < 1e-5
    assert load_data("patches", n=100, size=8).shape == (1, 8, 8)


def test_patches_of_the_three_sets_do_not_overlap():
    from genlatent.data.photographs import STRIPS

    edges = [edge for strip in STRIPS.values() for edge in strip]
    assert edges == sorted(edges)


def test_bars_and_stripes_are_the_whole_set():
    for size in (2, 3, 4):
        x = load_data("bars-and-stripes", size=size).train[:, 0]
        assert len(x.flatten(1).unique(dim=0)) == len(x) == 2 ** (size + 1) - 2
        rows_constant = (x == x[:, :, :1]).flatten(1).all(1)
        columns_constant = (x == x[:, :1, :]).flatten(1).all(1)
        assert (rows_constant | columns_constant).all()
    assert LARGEST == 14
