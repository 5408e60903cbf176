"""What a log-likelihood is told in: nats of a row, or bits of each of its values."""

import math

from torch import Tensor

from genlatent.errors import RecipeError

QUANTITIES = {"nats": "negative log-likelihood", "bits": "bits per dimension"}


def quantity(unit: str) -> str:
    """What is measured in this unit."""
    if unit not in QUANTITIES:
        raise RecipeError(f"unit is nats or bits, got {unit!r}")
    return QUANTITIES[unit]


def nats_in(unit: str, x: Tensor) -> float:
    r"""Nats of a row in one of these: 1, or :math:`D \ln 2` for D values.

    >>> import torch
    >>> nats_in("nats", torch.zeros(2, 8)), round(nats_in("bits", torch.zeros(2, 8)), 3)
    (1.0, 5.545)
    """
    return 1.0 if unit == "nats" else x[0].numel() * math.log(2)
