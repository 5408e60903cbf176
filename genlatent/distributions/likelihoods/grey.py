"""Values between 0 and 1."""

from collections.abc import Sequence

import pyro.distributions as dist
import torch
from torch import Tensor
from torch.nn.functional import softplus

from genlatent.distributions.base import Likelihood
from genlatent.distributions.distribution import Distribution
from genlatent.distributions.likelihoods.bernoulli import CLOSEST
from genlatent.distributions.likelihoods.bisection import bisect

LEAST = 1e-3  # concentration of a Beta, below which its mass sits on the ends


class ContinuousBernoulli(Likelihood):
    r"""Grey values between 0 and 1, with the density that cross-entropy lacks a normaliser for.

    .. math:: p(x \mid \lambda) = C(\lambda) \lambda^x (1 - \lambda)^{1 - x}, \quad
              C(\lambda) = \frac{2 \tanh^{-1}(1 - 2\lambda)}{1 - 2\lambda}

    References:
        The continuous Bernoulli: fixing a pervasive error in variational autoencoders
        (Loaiza-Ganem and Cunningham, 2019)

    >>> ContinuousBernoulli([1])(torch.zeros(1)).log_prob(torch.tensor([0.3])).exp()
    tensor(1.)
    """

    support = "unit"

    def forward(self, params: Tensor) -> Distribution:
        """`params` are the logits of lambda."""
        return dist.ContinuousBernoulli(logits=params.unflatten(-1, self.event_shape)).to_event(len(self.event_shape))

    def params_at(self, mean: Tensor) -> Tensor:
        r"""The logit at which the mean :math:`1 / (1 - e^{-\eta}) - 1 / \eta` is this one."""
        wanted = mean.flatten().double().clamp(CLOSEST, 1 - CLOSEST)
        eta = bisect(lambda eta: 1 / -torch.expm1(-eta) - 1 / eta, wanted, -1.1 / CLOSEST, 1 / CLOSEST)
        return eta.to(mean.dtype)


class InnerBeta(dist.Beta):
    """Pyro's, with draws that rounding never puts on the ends."""

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws strictly between 0 and 1."""
        x = super().rsample(torch.Size(sample_shape))
        end = torch.finfo(x.dtype).eps
        return x.clamp(end, 1 - end)


class Beta(Likelihood):
    r"""Values strictly between 0 and 1, with a mean and a concentration for each cell.

    .. math:: p(x \mid m, c) = \prod_i \mathrm{Beta}(x_i; m_i c_i, (1 - m_i) c_i), \quad
              m = \sigma(\eta), \; c = 2\,\mathrm{softplus}(r) / \log 2

    Outputs of 0 mean the uniform density. Values of exactly 0 or 1 have no finite density and are refused.

    >>> Beta([1])(torch.zeros(2)).log_prob(torch.tensor([0.3])).exp().round(decimals=2)
    tensor(1.)
    """

    support = "open-unit"

    def num_params(self, event_shape: torch.Size) -> int:
        """A mean and a concentration for each cell."""
        return 2 * event_shape.numel()

    def forward(self, params: Tensor) -> Distribution:
        """`params` are logits of the means, followed by raw concentrations."""
        logits, raw = self.blocks(params, 2)
        concentration = 2 * softplus(raw) / softplus(torch.zeros_like(raw)) + LEAST
        a, b = logits.sigmoid() * concentration, (-logits).sigmoid() * concentration
        return InnerBeta(a.clamp(min=LEAST**2), b.clamp(min=LEAST**2)).to_event(len(self.event_shape))

    def params_at(self, mean: Tensor) -> Tensor:
        """The logits of the mean, and a concentration of 2."""
        logits = mean.flatten().clamp(CLOSEST, 1 - CLOSEST).logit()
        return torch.cat([logits, torch.zeros_like(logits)])
