"""Latents that are bits or classes, exact or relaxed to values in between."""

from collections.abc import Sequence

import pyro.distributions as dist
import torch
from torch import Tensor

from genlatent.distributions.base import Prior
from genlatent.distributions.distribution import Distribution


class _Discrete(Prior):
    zero: Tensor

    def __init__(self, temperature: float | None, event_shape: Sequence[int] | None):
        if temperature is not None and temperature <= 0:
            raise ValueError(f"temperature must be positive, or None for exact values, got {temperature}")
        super().__init__(event_shape)
        self.temperature = temperature
        self.register_buffer("zero", torch.zeros(()), persistent=False)

    def _heat(self) -> Tensor:
        return self.zero + float(self.temperature or 0.0)


class Bernoulli(_Discrete):
    r"""Independent latent bits, :math:`p(z_j = 1) = p`.

    Args:
        probability: the p.
        temperature: with one, values between 0 and 1 of the relaxed density that goes with a relaxed posterior;
            without, exact bits, for posteriors that are enumerated or scored.

    >>> Bernoulli(0.25, event_shape=[2])().log_prob(torch.ones(2)).exp()
    tensor(0.0625)
    """

    def __init__(
        self, probability: float = 0.5, temperature: float | None = None, event_shape: Sequence[int] | None = None
    ):
        if not 0 < probability < 1:
            raise ValueError(f"probability must lie between 0 and 1, got {probability}")
        super().__init__(temperature, event_shape)
        self.probability = probability

    def forward(self) -> Distribution:
        """The distribution of one z."""
        logits = (self.zero + self.probability).logit().expand(self.event_shape)
        cells = dist.Bernoulli(logits=logits)
        if self.temperature is not None:
            cells = dist.RelaxedBernoulli(self._heat(), logits=logits)
        return cells.to_event(len(self.event_shape))


class Categorical(_Discrete):
    r"""Classes of equal probability as one-hot vectors, over the last dimension of z.

    Args:
        temperature: with one, shares of the Concrete density that goes with a relaxed posterior; without, exact
            one-hot vectors, for posteriors that are enumerated or scored.

    >>> Categorical(event_shape=[4])().log_prob(torch.eye(4)[0]).exp()
    tensor(0.2500)
    """

    def __init__(self, temperature: float | None = None, event_shape: Sequence[int] | None = None):
        super().__init__(temperature, event_shape)

    def forward(self) -> Distribution:
        """The distribution of one z; leading dimensions are independent."""
        logits = self.zero.expand(self.event_shape)
        rows = dist.OneHotCategorical(logits=logits)
        if self.temperature is not None:
            rows = dist.RelaxedOneHotCategorical(self._heat(), logits=logits)
        return rows.to_event(len(self.event_shape) - 1)
