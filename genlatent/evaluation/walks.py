"""Walks through the space of codes: along one value of a code, and from one code to another."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.errors import DataError, Unsupported

EDGE = 0.02  # of the codes that a walk leaves out at either end


def traversals(
    model: Any, x: Tensor, *, row: int = 0, count: int = 8, steps: int = 9
) -> Float[Tensor, "dimension step *event"]:
    r"""Means of x as one value of a row's code goes through the values it has over all rows, the others held.

    The `count` values whose codes vary most come first; each goes from the 2nd to the 98th of 100 of its codes.

    Args:
        model: with a code of real numbers.
        x: rows.
        row: whose code is walked from.
        count: how many values of the code, at most.
        steps: of each walk.
    """
    z = codes(model, x)
    chosen = z.var(0).argsort(descending=True)[:count]
    ends = torch.quantile(z[:, chosen], torch.tensor([EDGE, 1 - EDGE], dtype=z.dtype, device=z.device), dim=0)
    share = torch.linspace(0, 1, steps, dtype=z.dtype, device=z.device)
    walks = z[row].expand(len(chosen), steps, -1).clone()
    for place, dimension in enumerate(chosen.tolist()):
        walks[place, :, dimension] = torch.lerp(ends[0, place], ends[1, place], share)
    return model.decode(walks.flatten(0, 1)).unflatten(0, walks.shape[:2])


def interpolations(model: Any, first: Tensor, second: Tensor, *, steps: int = 9) -> Float[Tensor, "row step *event"]:
    r"""Means of x along the straight line between two codes, :math:`(1 - t) z_1 + t z_2`, for each pair of rows."""
    if len(first) != len(second):
        raise DataError(f"as many rows at one end as at the other are wanted, got {len(first)} and {len(second)}")
    a, b = codes(model, first), codes(model, second)
    t = torch.linspace(0, 1, steps, dtype=a.dtype, device=a.device)[:, None]
    between = torch.lerp(a[:, None], b[:, None], t)
    return model.decode(between.flatten(0, 1)).unflatten(0, between.shape[:2])


def codes(model: Any, x: Tensor) -> Float[Tensor, "row latent"]:
    """Codes that can be walked through: real numbers in one row for each x."""
    if model.conditional:
        raise Unsupported(f"the codes of {type(model).__name__} need labels beside the rows")
    z = model.encode(model.shaped(x))
    if z.dim() != 2 or not z.is_floating_point():
        raise Unsupported(f"the codes of {type(model).__name__} are no rows of real numbers, so nothing lies between")
    return z
