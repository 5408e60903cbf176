"""Posteriors of shares of a whole."""

import pyro.distributions as dist
import torch
from torch import Tensor
from torch.nn.functional import softplus

from genlatent.distributions.base import Posterior
from genlatent.distributions.distribution import Distribution
from genlatent.distributions.posteriors.normal import RAW_ONE
from genlatent.distributions.priors.simplex import broken, shares

LEAST = 1e-3  # concentration of a Dirichlet, below which draws leave the range of float32


class LogisticNormal(Posterior):
    r"""Shares whose sticks are broken by normal values.

    .. math:: z = \mathrm{stick}(u), \quad u \sim \mathcal{N}(\mu, e^\ell)

    >>> LogisticNormal().num_params(torch.Size([4]))
    6
    """

    def num_params(self, event_shape: torch.Size) -> int:
        """A mean and a log variance for each break."""
        *rows, width = shares(event_shape)
        return 2 * torch.Size(rows).numel() * (width - 1)

    def forward(self, params: Tensor) -> Distribution:
        """The distribution of z for each row."""
        *rows, width = self.event_shape
        loc, log_variance = params.unflatten(-1, (2, *rows, width - 1)).unbind(-2 - len(rows))
        return broken(loc, (log_variance / 2).exp(), len(rows))


class Dirichlet(Posterior):
    r""":math:`q(z \mid x) \propto \prod_j z_j^{\alpha_j - 1}` with :math:`\alpha = \mathrm{softplus}(r + \log(e - 1))`.

    >>> Dirichlet([4])(torch.zeros(4)).mean
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    def forward(self, params: Tensor) -> Distribution:
        """The distribution of z for each row."""
        raw = params.unflatten(-1, shares(self.event_shape))
        return dist.Dirichlet(softplus(raw + RAW_ONE) + LEAST).to_event(len(self.event_shape) - 1)
