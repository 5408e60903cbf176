r"""Bennett's acceptance ratio: two partition functions compared by runs that were made in both directions."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.errors import DataError
from genlatent.sampling.weights import CHUNK, REPLICATES, Sides, percentiles

ITERATIONS = 60  # enough for bisection alone to reach the last bit of any bracket


class Bennett(NamedTuple):
    """A difference of ln Z, and how much the two directions have in common."""

    value: float
    interval: Sides  # 95 %
    wide: Sides  # 99 %
    overlap: float  # 1 where both directions saw the same work, 0 where they never met


def bennett(
    forward: Float[Tensor, " run"], reverse: Float[Tensor, " back"], generator: torch.Generator | None = None
) -> Bennett:
    r""":math:`\Delta = \ln Z_1 - \ln Z_0` from log-weights of runs from 0 to 1 and of runs from 1 to 0.

    .. math::

        \sum_i \sigma(w^f_i - \Delta^\dagger) = \sum_j \sigma(w^r_j + \Delta^\dagger), \qquad
        \Delta^\dagger = \Delta + \log(n_f / n_r)

    Of all ways to combine the two directions this one has the least variance. Intervals are bootstrap percentiles
    over the runs of both.

    References:
        Efficient Estimation of Free Energy Differences from Monte Carlo Data (Bennett, 1976);
        Equilibrium Free Energies from Nonequilibrium Measurements Using Maximum-Likelihood Methods (Shirts et al.,
        2003)

    >>> round(bennett(torch.full((3,), 2.0), torch.full((4,), -2.0)).value, 9)
    2.0
    """
    if min(len(forward), len(reverse)) < 2:
        raise DataError(f"Bennett's ratio needs at least 2 runs each way, got {len(forward)} and {len(reverse)}")
    f, r = forward.double(), reverse.double()
    value = float(solve(f.unsqueeze(0), r.unsqueeze(0)))
    found, size = [], max(CHUNK // (len(f) + len(r)), 1)
    for first in range(0, REPLICATES, size):
        rows = min(size, REPLICATES - first)
        found.append(solve(_resample(f, rows, generator), _resample(r, rows, generator), tolerance=1e-6))
    interval, wide = percentiles(torch.cat(found))
    return Bennett(value, interval, wide, overlap(f, r, value))


def solve(
    forward: Float[Tensor, "set run"], reverse: Float[Tensor, "set back"], tolerance: float = 1e-12
) -> Float[Tensor, " set"]:
    """The root of each set, by Newton's steps inside a bracket that is halved wherever they would leave it.

    They start where the root would be if the directions had nothing in common, which no step can improve on then.
    """
    m = math.log(forward.shape[1] / reverse.shape[1])
    low = torch.minimum(forward.min(1).values, -reverse.max(1).values) - abs(m) - 1
    high = torch.maximum(forward.max(1).values, -reverse.min(1).values) + abs(m) + 1
    x = (((forward - m).logsumexp(1) - (reverse + m).logsumexp(1)) / 2).clamp(low, high)
    for _ in range(ITERATIONS):
        gap, slope = _gap(forward - m, reverse + m, x)
        low, high = torch.where(gap > 0, x, low), torch.where(gap < 0, x, high)
        step = x + gap / slope.clamp_min(1e-300)
        inside = (step >= low) & (step <= high)
        new = torch.where(inside, step, (low + high) / 2)
        moved, x = (new - x).abs().max(), new
        if float(moved) < tolerance:
            break
    return x


def _gap(forward: Tensor, reverse: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """By how much the left side exceeds the right one, and how fast that falls in x."""
    a, b = (forward - x.unsqueeze(1)).sigmoid(), (reverse + x.unsqueeze(1)).sigmoid()
    return a.sum(1) - b.sum(1), (a - a * a).sum(1) + (b - b * b).sum(1)


def overlap(forward: Tensor, reverse: Tensor, value: float) -> float:
    r"""How far the two directions share their work: :math:`4 \langle \sigma(1-\sigma) \rangle` over all runs, each
    direction counted half, where :math:`\sigma` is the chance that a run came from the one direction."""
    chances = (torch.sigmoid(forward.double() - value), torch.sigmoid(reverse.double() + value))
    return float(torch.stack([(4 * p * (1 - p)).mean() for p in chances]).mean())


def _resample(w: Tensor, rows: int, generator: torch.Generator | None) -> Tensor:
    return w[torch.randint(len(w), (rows, len(w)), generator=generator, device=w.device)]
