"""Bits."""

import pyro.distributions as dist
from torch import Tensor

from genlatent.distributions.base import Likelihood
from genlatent.distributions.distribution import Distribution

CLOSEST = 1e-3  # means of 0 and 1 have infinite logits: start this far away


class Bernoulli(Likelihood):
    r"""Independent bits.

    .. math:: p(x \mid \eta) = \prod_i \sigma(\eta_i)^{x_i} (1 - \sigma(\eta_i))^{1 - x_i}

    >>> import torch
    >>> Bernoulli([3])(torch.zeros(2, 3)).log_prob(torch.ones(2, 3)).exp()
    tensor([0.1250, 0.1250])
    """

    support = "binary"

    def forward(self, params: Tensor) -> Distribution:
        """`params` are logits."""
        return dist.Bernoulli(logits=params.unflatten(-1, self.event_shape)).to_event(len(self.event_shape))

    def params_at(self, mean: Tensor) -> Tensor:
        """The logits of the mean."""
        return mean.flatten().clamp(CLOSEST, 1 - CLOSEST).logit()
