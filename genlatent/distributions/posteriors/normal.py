"""Normal posteriors: independent latents, or latents that vary together."""

import math
from collections.abc import Sequence
from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor
from torch.distributions import Independent, Normal, register_kl
from torch.nn.functional import softplus

from genlatent.distributions.base import Posterior
from genlatent.distributions.distribution import Distribution
from genlatent.errors import RecipeError

LEAST = 1e-5  # standard deviation or variance, without which a posterior could shrink to a point
RAW_ONE = math.log(math.e - 1)  # softplus of it is 1


class DiagonalNormal(Posterior):
    r""":math:`q(z \mid x) = \prod_j \mathcal{N}(z_j; \mu_j, e^{\ell_j})`; the outputs are means, then log variances.

    References:
        Auto-encoding variational Bayes (Kingma and Welling, 2014)

    >>> DiagonalNormal([3])(torch.zeros(2, 6)).batch_shape
    torch.Size([2])
    """

    def num_params(self, event_shape: torch.Size) -> int:
        """A mean and a log variance for each latent value."""
        return 2 * event_shape.numel()

    def forward(self, params: Tensor) -> Distribution:
        """The distribution of z for each row."""
        loc, log_variance = (half.unflatten(-1, self.event_shape) for half in params.chunk(2, -1))
        return dist.Normal(loc, (log_variance / 2).exp()).to_event(len(self.event_shape))


class Correlated(Posterior):
    """A posterior over vectors whose values vary together."""

    def bind(self, event_shape: Sequence[int]) -> None:
        """Fix the shape of one z, which must be a vector."""
        if len(event_shape) != 1:
            name = type(self).__name__
            raise RecipeError(f"{name} is over vectors, the latent has shape {tuple(event_shape)}; give its length")
        super().bind(event_shape)


class LowRankNormal(Correlated):
    r""":math:`q(z \mid x) = \mathcal{N}(z; \mu, W W^\top + \mathrm{diag}\, d)` with W of few columns.

    Args:
        rank: columns of W: directions along which latents vary together.

    >>> LowRankNormal(2).num_params(torch.Size([5]))
    20
    """

    def __init__(self, rank: int = 2, event_shape: Sequence[int] | None = None):
        if rank < 1:
            raise ValueError(f"rank must be at least 1, got {rank}")
        super().__init__(event_shape)
        self.rank = rank

    def num_params(self, event_shape: torch.Size) -> int:
        """A mean, a raw variance and `rank` loadings for each latent value."""
        return (2 + self.rank) * event_shape.numel()

    def forward(self, params: Tensor) -> Distribution:
        """The distribution of z for each row."""
        loc, raw, loadings = params.split([*self.event_shape, *self.event_shape, self.rank * self.event_shape[0]], -1)
        diagonal = softplus(raw + RAW_ONE) + LEAST
        return LowRank(loc, loadings.unflatten(-1, (-1, self.rank)), diagonal)


class FullNormal(Correlated):
    r""":math:`q(z \mid x) = \mathcal{N}(z; \mu, L L^\top)` with a lower triangle L whose diagonal is positive.

    >>> FullNormal().num_params(torch.Size([4]))
    14
    """

    def num_params(self, event_shape: torch.Size) -> int:
        """A mean for each latent value, and the triangle."""
        width = event_shape.numel()
        return width + width * (width + 1) // 2

    def forward(self, params: Tensor) -> Distribution:
        """The distribution of z for each row."""
        width = self.event_shape[0]
        loc, raw, below = params.split([width, width, width * (width - 1) // 2], -1)
        entries = torch.cat([torch.zeros_like(loc[..., :1]), softplus(raw + RAW_ONE) + LEAST, below], -1)
        return Full(loc, scale_tril=entries[..., _places(width, params.device)])


def _places(width: int, device: torch.device) -> Tensor:
    """Where each entry of a lower triangle stands among 0, the diagonal, and what lies below it, row by row."""
    rows = range(width)
    below = {(i, j): 1 + width + i * (i - 1) // 2 + j for i in rows for j in range(i)}
    return torch.tensor([[1 + i if i == j else below.get((i, j), 0) for j in rows] for i in rows], device=device)


class LowRank(dist.LowRankMultivariateNormal):
    """Pyro's, with its divergence from independent normals in closed form."""


class Full(dist.MultivariateNormal):
    """Pyro's, with its divergence from independent normals in closed form."""


@register_kl(LowRank, Independent)
@register_kl(Full, Independent)
def _from_independent_normals(q: Any, p: Any) -> Tensor:
    r""":math:`-H(q) - \mathbb{E}_q \log p`, which needs the variances of q only."""
    if not isinstance(p.base_dist, Normal) or p.reinterpreted_batch_ndims != 1:
        raise NotImplementedError
    loc, scale = p.base_dist.loc, p.base_dist.scale
    misfit = (q.variance + (q.mean - loc).square()) / scale.square()
    return -q.entropy() + (scale.log() + 0.5 * (math.log(2 * math.pi) + misfit)).sum(-1)
