"""Grey values as bits. How it was done is part of a data set's name: likelihoods of different bits do not compare."""

import re
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.errors import DataError, RecipeError
from genlatent.numerics.randomness import stream
from genlatent.registry import nearest

KINDS = ("none", "threshold", "static", "dynamic")
THRESHOLD = 0.5
HELD_OUT_SEED = 0  # of the bits of valid and test under dynamic binarisation: the same for every run


class Binarisation(NamedTuple):
    """How grey becomes 0 and 1: at a threshold, drawn once from a seed, or drawn anew at every look."""

    kind: str
    seed: int | None = None

    def __str__(self) -> str:
        return self.kind if self.seed is None else f"{self.kind}({self.seed})"


def parse(how: str, seed: int = 0) -> Binarisation:
    """The binarisation that a text names; `static` without a number takes the seed of the data set.

    >>> str(parse("static", seed=3)), str(parse("dynamic"))
    ('static(3)', 'dynamic')
    """
    found = re.fullmatch(r"\s*([\w-]+)\s*(?:\(\s*(-?\d+)\s*\))?\s*", str(how))
    kind, number = found.groups() if found else (str(how), None)
    if kind not in KINDS or (number is not None and kind != "static"):
        raise RecipeError(
            f"binarise={how!r} is not one of none, threshold, static, static(SEED), dynamic; "
            f"{nearest(kind, list(KINDS))}"
        )
    return Binarisation(kind, (seed if number is None else int(number)) if kind == "static" else None)


def binarised(dataset: Dataset, how: str, seed: int = 0) -> Dataset:
    """A grey data set as bits.

    * `threshold`: 1 where the value is at least 1/2;
    * `static(SEED)`: each value is the probability of its bit, drawn once;
    * `dynamic`: drawn anew whenever a training row is looked at; valid and test are drawn once, from
      :data:`HELD_OUT_SEED` whatever the seed, so that all runs are judged on the same bits.
    """
    chosen = parse(how, seed)
    if chosen.kind == "none":
        return dataset
    _refuse_not_grey(dataset, chosen)
    rows = {"valid": dataset.valid, "test": dataset.test}
    if chosen.kind != "dynamic":
        if not isinstance(dataset.train, Tensor):
            raise DataError(f"{dataset.name}: a mapped file takes binarise=dynamic or none, not {chosen}")
        rows["train"] = dataset.train
    found = {part: bits(x, part, chosen) for part, x in rows.items()}
    return replace(dataset, support="binary", binarisation=str(chosen), **found)


def bits(x: Tensor, part: str, how: Binarisation) -> Tensor:
    """Grey values of one part of a data set as bits; NaN stays."""
    if how.kind == "threshold":
        found = x >= THRESHOLD
    else:
        drawn_from = stream(HELD_OUT_SEED if how.seed is None else how.seed, name=f"bits of {part}")
        found = torch.rand(x.shape, generator=drawn_from).to(x.device) < x
    return torch.where(x.isnan(), x, found.to(x.dtype))


def _refuse_not_grey(dataset: Dataset, how: Binarisation) -> None:
    if dataset.binarisation != "none" or dataset.support == "binary":
        raise DataError(f"{dataset.title}: these are bits already, so binarise={how} has nothing to do; leave it out")
    if dataset.support != "unit":
        raise DataError(
            f"{dataset.name}: binarise={how} needs values between 0 and 1, these are {dataset.support}; rescale them"
        )
