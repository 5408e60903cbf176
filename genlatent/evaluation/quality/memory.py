"""Are samples copies of training rows?"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlatent.evaluation.quality.discrepancy import Rows, check, distances

ROWS_AT_ONCE = 256


class Nearest(NamedTuple):
    """The training row nearest to each row, and how far it is."""

    row: Int[Tensor, " _"]
    distance: Float[Tensor, " _"]


def nearest(rows: Rows, train: Rows) -> Nearest:
    """Nearest neighbours by Euclidean distance."""
    check(rows, train, fewest=1)
    found = [distances(part, train).min(1) for part in rows.split(ROWS_AT_ONCE)]
    return Nearest(torch.cat([part.indices for part in found]), torch.cat([part.values for part in found]))


def copied(samples: Rows, train: Rows, held_out: Rows) -> float:
    """Share of pairs in which the sample is nearer to training data than the held-out row is; ties count half.

    One half is what a model gives that samples like the data do; 1 is a model that gives back its training rows, 0 one
    whose samples lie far from all data.

    References:
        A non-parametric test to detect data-copying in generative models (Meehan, Chaudhuri and Dasgupta, 2020)
    """
    near, own = nearest(samples, train).distance, nearest(held_out, train).distance
    less = (near[:, None] < own[None, :]).double() + (near[:, None] == own[None, :]).double() / 2
    return float(less.mean())
