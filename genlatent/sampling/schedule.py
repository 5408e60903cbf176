r"""Where annealing stops on its way: positions :math:`0 = \lambda_0 < \dots < \lambda_K = 1`."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.errors import RecipeError


def uniform(steps: int) -> Float[Tensor, " positions"]:
    """Equal distances.

    >>> uniform(4).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    if steps < 1:
        raise RecipeError(f"steps must be at least 1, got {steps}")
    return torch.linspace(0, 1, steps + 1, dtype=torch.float64)


def spread(increments: Float[Tensor, " run"]) -> float:
    r"""Relative spread of one step's weights, by their effective sample size: :math:`\sqrt{n/\mathrm{ESS} - 1}`.

    >>> round(spread(torch.zeros(5)), 6)
    0.0
    """
    w = torch.softmax(increments.double(), 0)
    return math.sqrt(max(len(w) * float((w * w).sum()) - 1, 0.0))
