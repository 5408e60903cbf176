"""Several bumps instead of one, learned with the model."""

from collections.abc import Sequence

import pyro.distributions as dist
import torch
from torch import nn

from genlatent.distributions.base import Prior
from genlatent.distributions.distribution import Distribution


class GaussianMixture(Prior):
    r"""A learned mixture, :math:`p(z) = \sum_k \pi_k \, \mathcal{N}(z; \mu_k, \mathrm{diag}\, s_k^2)`.

    Args:
        components: number of bumps.
        spread: standard deviation of their first centres.

    >>> GaussianMixture(4, event_shape=[3])().log_prob(torch.zeros(5, 3)).shape
    torch.Size([5])
    """

    def __init__(self, components: int = 10, spread: float = 1.0, event_shape: Sequence[int] | None = None):
        if components < 1:
            raise ValueError(f"components must be at least 1, got {components}")
        super().__init__()
        self.components, self.spread = components, spread
        if event_shape is not None:
            self.bind(event_shape)

    def bind(self, event_shape: Sequence[int]) -> None:
        """Fix the shape of one z, and make weights, centres and scales."""
        made = self.event_shape is not None
        super().bind(event_shape)
        if not made:
            self.logits = nn.Parameter(torch.zeros(self.components))
            self.loc = nn.Parameter(self.spread * torch.randn(self.components, *self.event_shape))
            self.log_scale = nn.Parameter(torch.zeros(self.components, *self.event_shape))

    def forward(self) -> Distribution:
        """The distribution of one z."""
        bumps = dist.Normal(self.loc, self.log_scale.exp()).to_event(len(self.event_shape))
        return dist.MixtureSameFamily(dist.Categorical(logits=self.logits), bumps)
