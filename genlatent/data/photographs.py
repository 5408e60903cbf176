"""Patches of the two photographs that come with scikit-learn."""

import torch
from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.errors import DataError
from genlatent.numerics.randomness import stream

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601: how bright red, green and blue look
STRIPS = {"train": (0.0, 0.8), "valid": (0.8, 0.9), "test": (0.9, 1.0)}  # of the width of each photograph


def patches(*, n: int = 20_000, size: int = 10, seed: int = 0) -> Dataset:
    """`n` grey patches of `size` by `size` pixels, eight tenths of them for training.

    The three sets come from strips of the photographs that do not overlap. Each patch has its own mean taken off, and
    all values are divided by one number, the standard deviation over the training patches.
    """
    if n < 10 or not 2 <= size <= 60:
        raise DataError(f"patches: n is at least 10 and size 2 to 60, got {n} and {size}")
    drawn_from = stream(seed, name="patches")
    photographs = _photographs()
    counts = {"train": n - 2 * (n // 10), "valid": n // 10, "test": n // 10}
    parts = {part: _cut(photographs, STRIPS[part], counts[part], size, drawn_from) for part in STRIPS}
    scale = parts["train"].std()
    train, valid, test = (part / scale for part in parts.values())
    return Dataset(train, valid, test, train.shape[1:], "real", "patches" if size == 10 else f"patches-{size}x{size}")


def _photographs() -> list[Tensor]:
    """Grey images `(height, width)` in [0, 1]."""
    from sklearn.datasets import load_sample_images

    return [
        torch.tensor(image / 255.0, dtype=torch.float32) @ torch.tensor(LUMA) for image in load_sample_images().images
    ]


def _cut(
    photographs: list[Tensor], strip: tuple[float, float], n: int, size: int, generator: torch.Generator
) -> Tensor:
    """Patches `(n, 1, size, size)` from random places in a strip of each photograph in turn, without their means."""
    found = []
    for number, image in enumerate(photographs):
        area = image[:, int(strip[0] * image.shape[1]) : int(strip[1] * image.shape[1])]
        count = (n + number) // len(photographs)
        places = area.unfold(0, size, 1).unfold(1, size, 1)
        rows = torch.randint(places.shape[0], (count,), generator=generator)
        columns = torch.randint(places.shape[1], (count,), generator=generator)
        found.append(places[rows, columns])
    x = torch.cat(found)
    return (x - x.mean((1, 2), keepdim=True)).unsqueeze(1)
