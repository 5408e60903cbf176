"""A posterior with sharper peaks and heavier tails than the normal one."""

import pyro.distributions as dist
import torch
from torch import Tensor

from genlatent.distributions.base import Posterior
from genlatent.distributions.distribution import Distribution


class Laplace(Posterior):
    r""":math:`q(z \mid x) = \prod_j e^{-|z_j - \mu_j| / s_j} / 2 s_j`; the outputs are locations, then log scales.

    >>> Laplace([3])(torch.zeros(2, 6)).batch_shape
    torch.Size([2])
    """

    def num_params(self, event_shape: torch.Size) -> int:
        """A location and a log scale for each latent value."""
        return 2 * event_shape.numel()

    def forward(self, params: Tensor) -> Distribution:
        """The distribution of z for each row."""
        loc, log_scale = self.blocks(params, 2)
        return dist.Laplace(loc, log_scale.exp()).to_event(len(self.event_shape))
