import os

import numpy as np
import pytest
import torch

from genlatent.data.idx import write_idx
from genlatent.data.sources import load_data
from genlatent.errors import DataError

RNG = np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GENLATENT_DATA", str(tmp_path))
    return tmp_path


def write_mnist(folder, name="mnist", n=30):
    place = folder / name
    place.mkdir()
    for part, count in (("train", n), ("t10k", 8)):
        write_idx(place / f"{part}-images-idx3-ubyte.gz", RNG.integers(0, 256, (count, 28, 28), dtype=np.uint8))
        write_idx(place / f"{part}-labels-idx1-ubyte.gz", (np.arange(count) % 10).astype(np.uint8))
    return place


def packed(shape):
    bits = RNG.integers(0, 2, (shape[0], int(np.prod(shape[1:]))), dtype=np.uint8)
    return {"bits": np.packbits(bits, axis=1), "shape": np.array(shape)}, bits.reshape(shape)


def refusal(name, **options):
    with pytest.raises(DataError) as caught:
        load_data(name, **options)
    return str(caught.value)


@pytest.mark.parametrize(("name", "place"), [("mnist", "mnist"), ("fashion-mnist", "fashion_mnist")])
def test_mnist_holds_back_its_last_training_images(folder, name, place):
    write_mnist(folder, place)
    data = load_data(name, valid_size=10)
    assert repr(data) == f"Dataset('{name}, grey': 20 + 10 + 8 rows of shape (1, 28, 28), unit)"
    assert data.labels.valid.tolist() == [n % 10 for n in range(20, 30)]


def test_what_was_held_back_can_be_learned_from_in_the_end(folder):
    write_mnist(folder)
    chosen, final = load_data("mnist", valid_size=10), load_data("mnist", valid_size=10, learn_from_valid=True)
    assert torch.equal(final.train, torch.cat([chosen.train, chosen.valid]))
    assert final.labels.train.tolist() == [n % 10 for n in range(30)]
    assert torch.equal(final.valid, chosen.valid)
    assert torch.equal(final.test, chosen.test)


def test_pixels_are_shares_of_255(folder):
    place = write_mnist(folder)
    values = np.arange(8 * 784, dtype=np.uint8).reshape(8, 28, 28)
    write_idx(place / "t10k-images-idx3-ubyte.gz", values)
    assert torch.equal(load_data("mnist", valid_size=1).test[:, 0] * 255, torch.from_numpy(values).float())


def test_valid_size_leaves_something(folder):
    write_mnist(folder)
    assert "valid_size must leave 1 to 29 of 30 training images, got 10000" in refusal("mnist")


def test_missing_files_say_where_they_belong(folder):
    for name, file in (("mnist", "mnist/train-images-idx3-ubyte.gz"), ("freyfaces", "freyfaces/freyfaces.npz")):
        sentence = refusal(name)
        assert sentence.startswith(f"{folder / file}: there is no such file, which {name} is read from")
        assert f"`genlatent data fetch {name}`, or set GENLATENT_DATA to a folder that holds" in sentence


def test_damaged_files_say_so(folder):
    place = write_mnist(folder)
    path = place / "train-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:20])
    sentence = refusal("mnist")
    assert f"{path}: truncated or not gzip" in sentence
    assert "genlatent data fetch mnist" in sentence
    write_idx(path, np.zeros((2, 2), np.uint8))
    assert "an array of 2 axes where 1 belong" in refusal("mnist")


def test_labels_that_do_not_match_the_images(folder):
    place = write_mnist(folder)
    write_idx(place / "t10k-labels-idx1-ubyte.gz", np.zeros(5, np.uint8))
    assert "mnist: 5 labels for 8 rows of test" in refusal("mnist", valid_size=5)


def test_binarized_mnist_is_named_after_its_bits(folder):
    place = folder / "binarized_mnist"
    place.mkdir()
    wanted = {}
    for part, n in (("train", 20), ("valid", 5), ("test", 6)):
        arrays, wanted[part] = packed((n, 784))
        np.savez_compressed(place / f"{part}.npz", **arrays)
    data = load_data("binarized-mnist")
    assert data.title == "binarized-mnist, static(larochelle) bits"
    final = load_data("binarized-mnist", learn_from_valid=True)
    assert torch.equal(final.train, torch.cat([data.train, data.valid]))
    assert torch.equal(data.test, torch.from_numpy(wanted["test"]).float().reshape(-1, 1, 28, 28))
    assert "these are bits already" in refusal("binarized-mnist", binarise="dynamic")


def test_damaged_archives(folder):
    place = folder / "binarized_mnist"
    place.mkdir()
    path = place / "train.npz"
    np.savez(path, bits=np.zeros((3, 98), np.uint8))
    assert f"{path}: shape is not a file in the archive, expected bits, shape;" in refusal("binarized-mnist")
    np.savez(path, bits=np.zeros((3, 90), np.uint8), shape=np.array([3, 784]))
    assert "packed bits of shape (3, 90) where rows (3, 784) need (3, 98)" in refusal("binarized-mnist")
    path.write_bytes(path.read_bytes()[:50])
    assert f"{path}: truncated or damaged" in refusal("binarized-mnist")
    np.savez(path, bits=np.array([None]), shape=np.array([3, 784]))
    assert f"{path}: truncated or damaged" in refusal("binarized-mnist")


def test_frey_faces_keep_neighbours_together(folder):
    (folder / "freyfaces").mkdir()
    images = np.broadcast_to(np.arange(200, dtype=np.uint8)[:, None, None], (200, 28, 20)).copy()
    images[:, 0, 0] = 255 - images[:, 0, 0]
    np.savez(folder / "freyfaces" / "freyfaces.npz", images=images)
    data = load_data("freyfaces")
    assert (len(data.train), len(data.valid), len(data.test), data.shape) == (160, 20, 20, (1, 28, 20))
    for part in (data.valid, data.test):
        numbers = (part[:, 0, 1, 1] * 255).round()
        assert (numbers.diff() != 1).sum() <= 1


def test_cifar_channels_come_first(folder):
    (folder / "cifar10_subset").mkdir()
    images = RNG.integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(20, dtype=np.uint8) % 10
    arrays = {"train_images": images, "train_labels": labels, "test_images": images[:4], "test_labels": labels[:4]}
    np.savez(folder / "cifar10_subset" / "cifar10_subset.npz", **arrays)
    data = load_data("cifar-subset", valid_size=5)
    assert repr(data) == "Dataset('cifar-subset, colour': 15 + 5 + 4 rows of shape (3, 32, 32), unit)"
    assert torch.equal(data.test[2, 1] * 255, torch.from_numpy(images[2, :, :, 1]).float())


def write_omniglot(folder):
    """Two characters of alphabet B in both files, one of A in the first, one of C in the second; 20 drawers each."""
    place = folder / "omniglot_small"
    place.mkdir()
    shared, _ = packed((40, 105, 105))
    for number, own in ((1, "A"), (2, "C")):
        bits, _ = packed((20, 105, 105))
        names = sorted(["B", own])
        labels = np.array([[names.index("B"), c, d] for c in (1, 2) for d in range(1, 21)], dtype=np.uint8)
        mine = np.array([[names.index(own), 1, d] for d in range(1, 21)], dtype=np.uint8)
        every = np.concatenate([labels, mine])
        arrays = {"bits": np.concatenate([shared["bits"], bits["bits"]]), "shape": np.array([60, 105, 105])}
        arrays |= {key: every[:, n] for n, key in enumerate(("alphabet", "character", "drawer"))}
        np.savez_compressed(place / f"background_small{number}.npz", **arrays, alphabet_names=np.array(names))


def test_omniglot_takes_shared_characters_once_and_splits_by_drawer(folder):
    write_omniglot(folder)
    data = load_data("omniglot-small")
    assert repr(data) == "Dataset('omniglot-small': 64 + 8 + 8 rows of shape (1, 105, 105), binary)"
    assert data.label_names == ("alphabet", "character", "drawer")
    assert set(data.labels.test[:, 2].tolist()) == {19, 20}
    assert torch.cat(data.labels)[:, 0].bincount().tolist() == [20, 40, 20]


def test_small_omniglot_has_another_name(folder):
    write_omniglot(folder)
    full, small = load_data("omniglot-small"), load_data("omniglot-small", image_size=28)
    assert (small.title, small.shape) == ("omniglot-small-28, grey", (1, 28, 28))
    assert abs(float(small.train.mean() - full.train.mean())) < 0.01
    assert load_data("omniglot-small", image_size=28, binarise="threshold").title == "omniglot-small-28, threshold bits"
    assert "image_size is 1 to 105, got 200" in refusal("omniglot-small", image_size=200)


def test_the_folder_is_in_the_users_cache_unless_named(monkeypatch, tmp_path):
    monkeypatch.delenv("GENLATENT_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert str(tmp_path / ".cache" / "genlatent" / "mnist") in refusal("mnist")


REAL = pytest.mark.skipif(not os.environ.get("GENLATENT_DATA"), reason="GENLATENT_DATA names no folder of data sets")

PUBLISHED = {
    "mnist": (50_000, 10_000, 10_000),
    "fashion-mnist": (50_000, 10_000, 10_000),
    "binarized-mnist": (50_000, 10_000, 10_000),
    "omniglot-small": (3872, 484, 484),
    "freyfaces": (1572, 197, 196),
    "cifar-subset": (3500, 500, 1000),
}


@REAL
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_real_files(name):
    data = load_data(name)
    assert (len(data.train), len(data.valid), len(data.test)) == PUBLISHED[name]


@REAL
def test_labels_and_bits_of_the_real_mnist():
    grey, bits = load_data("mnist"), load_data("binarized-mnist")
    assert grey.labels.test.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    means = [round(float(part.double().mean()), 6) for part in (bits.train, bits.valid, bits.test)]
    assert means == [0.130562, 0.131127, 0.132512]
