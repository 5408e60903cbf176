"""What a decoder's outputs mean: densities of x given its parameters, in nats."""

import math
from collections.abc import Sequence

import pyro.distributions as dist
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from genlatent.distributions.base import Likelihood
from genlatent.distributions.distribution import Distribution

CLOSEST = 1e-3  # means of 0 and 1 have infinite logits: start this far away


class Bernoulli(Likelihood):
    r"""Independent bits.

    .. math:: p(x \mid \eta) = \prod_i \sigma(\eta_i)^{x_i} (1 - \sigma(\eta_i))^{1 - x_i}

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
        r"""The logit at which the mean :math:`1 / (1 - e^{-\eta}) - 1 / \eta` is this one, by bisection."""
        wanted = mean.flatten().double().clamp(CLOSEST, 1 - CLOSEST)
        low, high = torch.full_like(wanted, -1.1 / CLOSEST), torch.full_like(wanted, 1 / CLOSEST)
        for _ in range(60):
            middle = (low + high) / 2
            below = 1 / -torch.expm1(-middle) - 1 / middle < wanted
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return ((low + high) / 2).to(mean.dtype)


class Gaussian(Likelihood):
    r"""Independent normal values around the decoder's outputs.

    .. math:: p(x \mid \mu, s) = \prod_i \mathcal{N}(x_i; \mu_i, s_i^2)

    Args:
        scale: the standard deviation: a number that stays fixed; `"learned"`, one parameter for all cells; or
            `"per-output"`, a second half of the decoder's outputs, one for each cell.
        floor: the smallest scale of `"per-output"`, without which constant cells have unbounded density.

    >>> Gaussian().num_params(torch.Size([3])), Gaussian("per-output").num_params(torch.Size([3]))
    (3, 6)
    """

    support = "real"

    def __init__(self, scale: float | str = 1.0, floor: float = 1e-3, event_shape: Sequence[int] | None = None):
        if scale not in ("learned", "per-output") and not (isinstance(scale, (int, float)) and scale > 0):
            raise ValueError(f'scale must be a positive number, "learned" or "per-output", got {scale!r}')
        super().__init__(event_shape)
        self.scale, self.floor = scale, floor
        if scale == "learned":
            self.log_scale = nn.Parameter(torch.zeros(()))

    def num_params(self, event_shape: torch.Size) -> int:
        """One output for each cell, two where each has its own scale."""
        return event_shape.numel() * (2 if self.scale == "per-output" else 1)

    def forward(self, params: Tensor) -> Distribution:
        """`params` are means, followed by raw scales where each cell has its own."""
        loc, scale = self.loc_and_scale(params)
        return dist.Normal(loc, scale).to_event(len(self.event_shape))

    def loc_and_scale(self, params: Tensor) -> tuple[Tensor, Tensor | float]:
        r"""Mean and scale of each cell; a raw scale of 0 means 1: :math:`s = \mathrm{softplus}(r + \log(e - 1))`."""
        if self.scale == "per-output":
            loc, raw = (half.unflatten(-1, self.event_shape) for half in params.chunk(2, -1))
            return loc, softplus(raw + math.log(math.e - 1)) + self.floor
        loc = params.unflatten(-1, self.event_shape)
        return loc, self.log_scale.exp() if self.scale == "learned" else float(self.scale)

    def params_at(self, mean: Tensor) -> Tensor:
        """The mean itself, and a scale of 1."""
        loc = mean.flatten()
        return torch.cat([loc, torch.zeros_like(loc)]) if self.scale == "per-output" else loc
