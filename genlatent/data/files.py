"""Named data sets that are read from files."""

import numpy as np
import torch
from torch import Tensor

from genlatent.data.dataset import Dataset, Splits
from genlatent.data.folder import advice, arrays, place, unpacked
from genlatent.data.idx import read_idx
from genlatent.data.splits import neighbours
from genlatent.errors import DataError

OMNIGLOT_LABELS = ("alphabet", "character", "drawer")


def mnist(*, valid_size: int = 10_000, learn_from_valid: bool = False) -> Dataset:
    """Handwritten digits (LeCun, Cortes, Burges), grey in [0, 1]; the last `valid_size` training images are `valid`.

    With `learn_from_valid` they are learned from as well, once nothing is to be chosen on them any more.
    """
    return _idx_set("mnist", valid_size, "digit", learn_from_valid)


def fashion_mnist(*, valid_size: int = 10_000, learn_from_valid: bool = False) -> Dataset:
    """Clothes (Xiao, Rasul, Vollgraf, 2017), grey in [0, 1]; the last `valid_size` training images are `valid`.

    With `learn_from_valid` they are learned from as well, once nothing is to be chosen on them any more.
    """
    return _idx_set("fashion-mnist", valid_size, "garment", learn_from_valid)


def binarized_mnist(*, learn_from_valid: bool = False) -> Dataset:
    """MNIST in the fixed bits of Larochelle and Murray (2011), on which most static likelihoods are published.

    Its own order of rows and its own 50,000, 10,000 and 10,000; no labels. The test rows are sorted by digit. With
    `learn_from_valid` the 10,000 rows of `valid` are learned from as well.
    """
    parts = []
    for part in ("train", "valid", "test"):
        found = arrays("binarized-mnist", f"{part}.npz", ("bits", "shape"))
        bits = unpacked("binarized-mnist", found["bits"], found["shape"])
        parts.append(torch.from_numpy(bits).float().reshape(-1, 1, 28, 28))
    train, valid, test = parts
    train, shape = torch.cat((train, valid)) if learn_from_valid else train, train.shape[1:]
    return Dataset(train, valid, test, shape, "binary", "binarized-mnist", binarisation="static(larochelle)")


def freyfaces() -> Dataset:
    """1965 frames of one face (Brendan Frey) in [0, 1].

    Neighbouring frames are alike, so whole segments of the film are held out: 20 segments, of which 2 are `valid`
    and 2 are `test`.
    """
    images = arrays("freyfaces", "freyfaces.npz", ("images",))["images"]
    x = _pixels(images).unsqueeze(1)
    train, valid, test = neighbours(len(x), 0.1, 0.1, seed=0)
    return Dataset(x[train], x[valid], x[test], x.shape[1:], "unit", "freyfaces")


def omniglot_small(*, image_size: int = 105) -> Dataset:
    """Characters of the two small background sets of Omniglot (Lake, Salakhutdinov, Tenenbaum, 2015), 1 = ink.

    8 alphabets, 242 characters, 20 drawers each; images that both sets hold are taken once. Drawers 17 and 18 are
    `valid`, 19 and 20 are `test`. Smaller sizes are grey: the share of ink in each pixel. At 28x28 this is **not**
    the published set of 24,345 + 8,070 images on which likelihoods are reported, and the name says so.
    """
    x, y = _omniglot()
    name = "omniglot-small"
    if image_size != x.shape[-1]:
        if not 1 <= image_size < x.shape[-1]:
            raise DataError(f"omniglot-small: image_size is 1 to {x.shape[-1]}, got {image_size}")
        x = torch.nn.functional.adaptive_avg_pool2d(x, image_size).clamp(0, 1)
        name = f"omniglot-small-{image_size}"
    drawer = y[:, 2]
    train, valid, test = drawer <= 16, (drawer == 17) | (drawer == 18), drawer >= 19
    return Dataset(
        x[train],
        x[valid],
        x[test],
        shape=x.shape[1:],
        support="binary" if name == "omniglot-small" else "unit",
        name=name,
        labels=Splits(y[train], y[valid], y[test]),
        label_names=OMNIGLOT_LABELS,
    )


def cifar_subset(*, valid_size: int = 500) -> Dataset:
    """The first 4000 training and 1000 test images of CIFAR-10 (Krizhevsky, 2009), RGB in [0, 1].

    The last `valid_size` training images are `valid`. Too few for results that compare with all of CIFAR-10.
    """
    keys = ("train_images", "train_labels", "test_images", "test_labels")
    found = arrays("cifar-subset", "cifar10_subset.npz", keys)
    train, test = (_pixels(found[key]).permute(0, 3, 1, 2).contiguous() for key in ("train_images", "test_images"))
    labels = (_numbers(found["train_labels"]), _numbers(found["test_labels"]))
    return _held_back("cifar-subset", (train, test), labels, valid_size, "object")


def _idx_set(name: str, valid_size: int, label: str, learn_from_valid: bool) -> Dataset:
    images, labels = [], []
    for part in ("train", "t10k"):
        images.append(_pixels(_read(name, f"{part}-images-idx3-ubyte")).unsqueeze(1))
        labels.append(_numbers(_read(name, f"{part}-labels-idx1-ubyte")))
    return _held_back(name, (images[0], images[1]), (labels[0], labels[1]), valid_size, label, learn_from_valid)


def _read(name: str, file: str) -> np.ndarray:
    path = place(name, f"{file}.gz")
    found, axes = read_idx(path, advice(name)), 3 if "images" in file else 1
    if found.ndim != axes:
        raise DataError(f"{path}: an array of {found.ndim} axes where {axes} belong; {advice(name)}")
    return found


def _held_back(
    name: str,
    images: tuple[Tensor, Tensor],
    labels: tuple[Tensor, Tensor],
    valid_size: int,
    label: str,
    learn_from_valid: bool = False,
) -> Dataset:
    """Train and valid from the published training images, test as published."""
    (x, test), (y, y_test) = images, labels
    if not 1 <= valid_size < len(x):
        raise DataError(
            f"{name}: valid_size must leave 1 to {len(x) - 1} of {len(x)} training images, got {valid_size}"
        )
    cut = len(x) - valid_size
    learned = len(x) if learn_from_valid else cut
    splits = Splits(y[:learned], y[cut:], y_test)
    return Dataset(x[:learned], x[cut:], test, x.shape[1:], "unit", name, labels=splits, label_names=(label,))


def _omniglot() -> tuple[Tensor, Tensor]:
    """All images once, and their (alphabet, character, drawer), the alphabets numbered in the order of their names."""
    keys = ("bits", "shape", "alphabet", "character", "drawer", "alphabet_names")
    found = [arrays("omniglot-small", f"background_small{number}.npz", keys) for number in (1, 2)]
    names = sorted({str(name) for part in found for name in part["alphabet_names"]})
    x = np.concatenate([unpacked("omniglot-small", part["bits"], part["shape"]) for part in found])
    y = np.concatenate([_omniglot_labels(part, names) for part in found])
    _, once = np.unique(y, axis=0, return_index=True)
    return torch.from_numpy(x[once]).float().unsqueeze(1), torch.from_numpy(y[once])


def _omniglot_labels(part: dict[str, np.ndarray], names: list[str]) -> np.ndarray:
    number = np.array([names.index(str(name)) for name in part["alphabet_names"]])
    return np.stack([number[part["alphabet"]], part["character"], part["drawer"]], axis=1).astype(np.int64)


def _pixels(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(values)).float() / 255


def _numbers(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values.astype(np.int64))
