"""Latents that are shares of a whole: positive, summing to 1."""

from collections.abc import Sequence

import pyro.distributions as dist
import torch
from torch import Tensor

from genlatent.distributions.base import Prior
from genlatent.distributions.distribution import Distribution
from genlatent.errors import RecipeError


class Dirichlet(Prior):
    r""":math:`p(z) \propto \prod_j z_j^{\alpha - 1}` over shares z.

    Args:
        concentration: the :math:`\alpha`; below 1, most of z lies in few shares.

    >>> Dirichlet(0.5, [4])().mean
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    alpha: Tensor

    def __init__(self, concentration: float = 1.0, event_shape: Sequence[int] | None = None):
        if concentration <= 0:
            raise ValueError(f"concentration must be positive, got {concentration}")
        super().__init__(event_shape)
        self.concentration = concentration
        self.register_buffer("alpha", torch.tensor(float(concentration)), persistent=False)

    def forward(self) -> Distribution:
        """The distribution of one z; leading dimensions are independent."""
        return dist.Dirichlet(self.alpha.expand(shares(self.event_shape))).to_event(len(self.event_shape) - 1)


class LogisticNormal(Prior):
    r"""Shares whose sticks are broken by normal values, :math:`z = \mathrm{stick}(u), \; u \sim \mathcal{N}(0, s^2 I)`.

    It has a closed divergence from the logistic-normal posterior, and gradients that follow the draws.

    Args:
        scale: the s.

    >>> LogisticNormal(event_shape=[4])().sample().shape
    torch.Size([4])
    """

    origin: Tensor

    def __init__(self, scale: float = 1.0, event_shape: Sequence[int] | None = None):
        if scale <= 0:
            raise ValueError(f"scale must be positive, got {scale}")
        super().__init__(event_shape)
        self.scale = scale
        self.register_buffer("origin", torch.zeros(()), persistent=False)

    def forward(self) -> Distribution:
        """The distribution of one z."""
        *rows, width = shares(self.event_shape)
        loc = self.origin.expand(*rows, width - 1)
        return broken(loc, torch.full_like(loc, self.scale), len(rows))


def shares(event_shape: torch.Size) -> torch.Size:
    """The shape, refused where there is only one share."""
    if event_shape[-1] < 2:
        raise RecipeError(f"shares of a whole are at least 2, the latent has shape {tuple(event_shape)}")
    return event_shape


def broken(loc: Tensor, scale: Tensor, rows: int) -> Distribution:
    """A stick broken at normal values; `rows` leading dimensions are part of one event."""
    normal = dist.Normal(loc, scale).to_event(1)
    return dist.TransformedDistribution(normal, [dist.transforms.StickBreakingTransform()]).to_event(rows)
