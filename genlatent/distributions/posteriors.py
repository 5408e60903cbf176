"""What an encoder's outputs mean: approximate posteriors of z given x."""

import pyro.distributions as dist
import torch
from torch import Tensor

from genlatent.distributions.base import Posterior
from genlatent.distributions.distribution import Distribution


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
