"""What probes, retrieval and clustering look at: the codes of a data set's rows."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlatent.data.dataset import Dataset, Splits
from genlatent.errors import DataError, RecipeError
from genlatent.numerics.randomness import drawing_from, stream
from genlatent.training.fit import fitting
from genlatent.training.greedy import ROWS

Rows = Float[Tensor, "_ _"]
Labels = Int[Tensor, " _"]


class Part(NamedTuple):
    """Rows of codes and their classes."""

    codes: Rows
    labels: Labels


class Codes(NamedTuple):
    """The labelled rows of the three sets as codes."""

    train: Part
    valid: Part
    test: Part


def codes_of(model: Any, data: Dataset, scale: str = "each") -> Codes:
    """Codes of the rows that have a class, flat, standardised by the training rows.

    Args:
        model, data: what is encoded, and by what.
        scale: `each` value gets variance 1, and one that is the same for every training row becomes 0; or one scale is
            for `all`, under which values of a sparse code that are rare stay small.
    """
    check_scale(scale)
    if data.labels is None or data.labels.train.dim() != 1 or data.labels.train.is_floating_point():
        raise DataError(f"{data.name} has no classes, which this looks for in the codes")
    parts = SCALES[scale](*encoded(model, data))
    return Codes(*(Part(z[y >= 0], y[y >= 0]) for z, y in zip(parts, data.labels)))


def encoded(model: Any, data: Dataset, *, seed: int = 0) -> Splits:
    """Codes of all rows, flat; the seed is of the bits that dynamic training rows are seen as."""
    data = fitting(model, data)
    rows = data.train if isinstance(data.train, Tensor) else data.glimpse(len(data.train))
    with torch.no_grad(), drawing_from(stream(seed, data.test.device, name="codes")):
        parts = (data.observe(rows), data.valid, data.test)
        return Splits(*(torch.cat([model.encode(few) for few in x.split(ROWS)]).flatten(1).to(x) for x in parts))


def standardised(train: Rows, *others: Rows) -> list[Rows]:
    """Rows less the mean of the first set and divided by its standard deviation, value by value.

    >>> standardised(torch.tensor([[1.0, 5.0], [3.0, 5.0]]), torch.tensor([[2.0, 5.0]]))[1]
    tensor([[0., 0.]])
    """
    mean, scale = train.mean(0), train.std(0, correction=0)
    constant = scale <= 1e-6 * mean.abs().clamp(min=1e-6)
    scale = torch.where(constant, torch.inf, scale)
    return [(rows - mean) / scale for rows in (train, *others)]


def scaled(train: Rows, *others: Rows) -> list[Rows]:
    """Rows less the mean of the first set, divided by one number: the standard deviation of its values about it.

    >>> scaled(torch.tensor([[3.0, 5.0], [-3.0, 5.0], [3.0, 5.0], [-3.0, 5.0]]) / 3, torch.tensor([[2.0, 5.0]]))[1]
    tensor([[2.8284, 4.7140]])
    """
    mean = train.mean(0)
    spread = (train - mean).square().mean().sqrt()
    return [(rows - mean) / (spread if spread > 0 else 1.0) for rows in (train, *others)]


SCALES = {"each": standardised, "all": scaled}


def check_scale(scale: str) -> None:
    """Refuse a name that stands for no way to scale codes."""
    if scale not in SCALES:
        raise RecipeError(f"scale must be one of {', '.join(SCALES)}, got {scale!r}")
