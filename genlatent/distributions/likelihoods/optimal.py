"""A normal distribution whose one scale is the best for the rows that are scored."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from pyro.distributions import ExpandedDistribution, constraints
from pyro.distributions.torch_distribution import TorchDistribution
from torch import Tensor


class OptimalNormal(TorchDistribution):
    r"""Normal values around `loc` with one variance for all of them.

    .. math:: \log p(x) = -\frac12 \sum_i \frac{(x_i - \mu_i)^2}{s^2} + \log 2 \pi s^2, \quad
              s^2 = \overline{(x - \mu)^2} \text{ while learning}

    The gradient in :math:`\mu` is that of the optimum, since there the density does not change with :math:`s`.

    Args:
        loc: the means.
        variance: what is used where nothing is learned, and for draws.
        event_dim: how many trailing dimensions are one event.
        floor: the smallest variance.
        learn: told the best variance of the rows that are scored; `None` where nothing is learned.
        observed: which cells count.
    """

    arg_constraints = {}  # pyright: ignore[reportAssignmentType]
    support = constraints.real  # pyright: ignore[reportAssignmentType]
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        variance: Tensor,
        event_dim: int,
        floor: float = 0.0,
        learn: Callable[[Tensor], None] | None = None,
        observed: Tensor | None = None,
    ):
        self.loc, self.kept, self.floor, self.learn, self.observed = loc, variance, floor, learn, observed
        cut = loc.dim() - event_dim
        super().__init__(loc.shape[:cut], loc.shape[cut:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The means."""
        return self.loc

    def where_observed(self, observed: Tensor) -> "OptimalNormal":
        """The same, where only these cells count."""
        return OptimalNormal(self.loc, self.kept, self.event_dim, self.floor, self.learn, observed)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density of each row; while learning, the variance is that of all these rows together."""
        error = value - self.loc
        variance = self.kept
        if self.learn is not None:
            variance = mean_square(error, self.observed).detach()
            self.learn(variance)
        variance = variance.clamp(min=self.floor)
        cells = -0.5 * (error.square() / variance + (2 * math.pi * variance).log())
        if self.observed is not None:
            cells = torch.where(self.observed, cells, 0.0)
        return cells.flatten(-self.event_dim).sum(-1)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws with the kept variance."""
        shape = torch.Size(sample_shape) + self.loc.shape
        noise = torch.randn(shape, dtype=self.loc.dtype, device=self.loc.device)
        return self.loc + self.kept.clamp(min=self.floor).sqrt() * noise

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """The same for more rows."""
        shape = torch.Size(batch_shape)
        return self if shape == self.batch_shape else ExpandedDistribution(self, shape)


def mean_square(error: Tensor, observed: Tensor | None = None) -> Tensor:
    """The mean of the squared errors that count."""
    if observed is None:
        return error.square().mean()
    counted = observed.expand_as(error)
    return torch.where(counted, error, 0.0).square().sum() / counted.sum().clamp(min=1)
