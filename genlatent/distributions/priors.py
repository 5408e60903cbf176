"""What is known of z before x is seen."""

from collections.abc import Sequence

import pyro.distributions as dist
import torch

from genlatent.distributions.base import Prior
from genlatent.distributions.distribution import Distribution


class StandardNormal(Prior):
    r""":math:`p(z) = \mathcal{N}(z; 0, I)`.

    >>> StandardNormal([3])().event_shape
    torch.Size([3])
    """

    loc: torch.Tensor
    scale: torch.Tensor

    def __init__(self, event_shape: Sequence[int] | None = None):
        super().__init__(event_shape)
        self.register_buffer("loc", torch.zeros(()), persistent=False)
        self.register_buffer("scale", torch.ones(()), persistent=False)

    def forward(self) -> Distribution:
        """The distribution of one z."""
        loc, scale = self.loc.expand(self.event_shape), self.scale.expand(self.event_shape)
        return dist.Normal(loc, scale).to_event(len(self.event_shape))
