r"""Ladders of distributions from an easy one to the one that is wanted, and how their rungs are spaced.

Rungs run from the hottest to the coldest. Along the path `base` they differ in :math:`\lambda`, from the base rates
(0) to the machine (1); along `temperature` each has its own temperature.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlatent.errors import RecipeError

PATHS = ("base", "temperature")
LEAST = 1e-3  # rejection rate that a gap counts as at the least, so that no two rungs fall together


class Rungs(NamedTuple):
    """The distributions of each chain's replicas, and which of them is the one that was asked for."""

    beta: Float[Tensor, "chain rung"]
    lam: Float[Tensor, "chain rung"]
    target: Int[Tensor, " chain"]


def spelled(ladder: Any) -> int | tuple[float, ...]:
    """A number of rungs, or the rungs, as plain values.

    >>> spelled(5), spelled(torch.tensor([0.5, 1.0]))
    (5, (0.5, 1.0))
    """
    if isinstance(ladder, int):
        return int(ladder)
    try:
        return tuple(float(rung) for rung in ladder if not isinstance(rung, str))
    except (TypeError, ValueError):
        raise RecipeError(f"ladder is a whole number of rungs, or a list of them, got {ladder!r}") from None


def check(ladder: int | Sequence[float], path: str, temperature: float | Tensor) -> None:
    """Refuse paths that are not there and ladders without the target."""
    if path not in PATHS:
        raise RecipeError(f"path must be one of {', '.join(PATHS)}, got {path!r}")
    rungs = ladder if isinstance(ladder, int) else len(ladder)
    if rungs < 2:
        raise RecipeError(f"a ladder needs at least 2 rungs, got {rungs}")
    if not isinstance(ladder, int):
        _check_values(ladder, path, temperature)


def _check_values(ladder: Sequence[float], path: str, temperature: float | Tensor) -> None:
    if len(set(ladder)) < len(ladder):
        raise RecipeError(f"each rung of a ladder is there once, got {tuple(ladder)}")
    if path == "base":
        if min(ladder) < 0 or max(ladder) > 1:
            raise RecipeError(f"rungs towards the base rates lie between 0 and 1, got {tuple(ladder)}")
        if 1.0 not in ladder:
            raise RecipeError(f"the ladder {tuple(ladder)} lacks 1, the machine itself; add it")
        return
    if min(ladder) <= 0:
        raise RecipeError(f"temperatures of a ladder must be above 0, got {tuple(ladder)}")
    for wanted in torch.as_tensor(temperature).double().flatten().unique().tolist():
        if not any(_equal(rung, wanted) for rung in ladder):
            raise RecipeError(f"the ladder {tuple(ladder)} lacks the target temperature {wanted:g}; add it")


def _equal(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-6 * abs(b)


def build(ladder: int | Sequence[float], path: str, temperature: Float[Tensor, " chain"]) -> Rungs:
    """Each chain's rungs, hottest first; a number of rungs stands for even steps in lambda, or in 1 / temperature.

    >>> build(3, "base", torch.ones(1)).lam.tolist()
    [[0.0, 0.5, 1.0]]
    >>> build((1.0, 2.0), "temperature", torch.ones(1)).beta.tolist()
    [[0.5, 1.0]]
    """
    cold = temperature.reciprocal().unsqueeze(1)
    if isinstance(ladder, int):
        share = torch.linspace(0, 1, ladder, dtype=cold.dtype, device=cold.device).expand(len(cold), -1)
        target = torch.full((len(cold),), ladder - 1, device=cold.device)
        one = torch.ones_like(share)
        return Rungs(cold * one, share.clone(), target) if path == "base" else Rungs(cold * share, one, target)
    values = torch.tensor(sorted(ladder, reverse=path == "temperature"), dtype=cold.dtype, device=cold.device)
    values = values.expand(len(cold), -1)
    if path == "base":
        return Rungs(
            cold.expand_as(values).clone(), values.clone(), torch.full_like(cold[:, 0], len(ladder) - 1).long()
        )
    beta = values.reciprocal()
    return Rungs(beta, torch.ones_like(beta), (beta - cold).abs().argmin(1))


def positions(rejection: Float[Tensor, " gap"], pinned: Sequence[int]) -> Float[Tensor, " rung"]:
    """Where rungs should stand, in units of the present ones, for equal rejection rates between neighbours.

    The rejections so far, added up along the ladder, are cut into equal parts; the pinned rungs and the ends stay.

    References:
        Non-Reversible Parallel Tempering: a Scalable Highly Parallel MCMC Scheme (Syed et al., 2022)

    >>> positions(torch.tensor([0.6, 0.2, 0.2, 0.2]), []).tolist()
    [0.0, 0.5, 1.0, 2.5, 4.0]
    """
    new = torch.arange(len(rejection) + 1, dtype=torch.float64)
    ends = sorted({0, len(rejection), *pinned})
    steps = rejection.double().cpu().clamp(min=LEAST)
    for first, last in pairwise(ends):
        height = torch.cat((steps.new_zeros(1), steps[first:last].cumsum(0)))
        wanted = torch.linspace(0, float(height[-1]), last - first + 1, dtype=torch.float64)[1:-1]
        after = torch.searchsorted(height, wanted).clamp(1, last - first)
        share = (wanted - height[after - 1]) / (height[after] - height[after - 1])
        new[first + 1 : last] = first + after - 1 + share
    return new.to(rejection)


def respace(rungs: Rungs, place: Float[Tensor, " rung"]) -> Rungs:
    """Rungs at those places, in between by straight lines."""
    below = place.floor().long().clamp(max=len(place) - 2)
    share = place - below

    def between(values: Tensor) -> Tensor:
        return values[:, below] * (1 - share) + values[:, below + 1] * share

    return rungs._replace(beta=between(rungs.beta), lam=between(rungs.lam))
