"""Whole numbers from 0."""

from collections.abc import Sequence
from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from genlatent.distributions.base import Likelihood
from genlatent.distributions.distribution import Distribution

LEAST = 1e-6  # rate or dispersion, so that no count is impossible
GATE = -2.0  # logit of the share of extra zeros that a decoder starts from


class WidePoisson(dist.Poisson):
    """A Poisson law whose log-probabilities are taken in float64.

    Of a count of a million the terms are of the size of ten million nats and nearly cancel, which float32 has not the
    digits for.

    >>> WidePoisson(torch.tensor(1e6)).log_prob(torch.tensor(1e6))
    tensor(-7.8267)
    """

    def log_prob(self, value: Tensor) -> Tensor:
        """Of counts, in the precision of the rates."""
        wide = dist.Poisson(self.rate.double(), validate_args=False)
        return wide.log_prob(value.double()).to(self.rate.dtype)


class WideNegativeBinomial(dist.NegativeBinomial):
    """A negative binomial law whose log-probabilities are taken in float64, for the same reason."""

    def log_prob(self, value: Tensor) -> Tensor:
        """Of counts, in the precision of the parameters."""
        total, logits = self.total_count.double(), self.logits.double()
        wide = dist.NegativeBinomial(total, logits=logits, validate_args=False)
        return wide.log_prob(value.double()).to(self.logits.dtype)


class Poisson(Likelihood):
    r"""Independent counts, :math:`p(x_i) = \lambda_i^{x_i} e^{-\lambda_i} / x_i!` with
    :math:`\lambda = \mathrm{softplus}(\eta)`.

    >>> Poisson([1])(torch.zeros(1)).mean
    tensor([0.6931])
    """

    support = "count"

    def forward(self, params: Tensor) -> Distribution:
        """`params` are raw rates."""
        return WidePoisson(positive(params.unflatten(-1, self.event_shape))).to_event(len(self.event_shape))

    def params_at(self, mean: Tensor) -> Tensor:
        """The raw rates of the mean."""
        return raw(mean.flatten())


class NegativeBinomial(Likelihood):
    r"""Independent counts that vary more than Poisson ones: a Poisson with a Gamma-distributed rate.

    .. math:: \mathbb{E} x_i = \mu_i, \quad \mathrm{Var}\, x_i = \mu_i + \mu_i^2 / \theta_i

    Args:
        dispersion: where :math:`\theta` comes from: `"per-output"`, the second half of the decoder's outputs;
            `"learned"`, one parameter for each cell, the same for all rows.

    >>> NegativeBinomial().num_params(torch.Size([3])), NegativeBinomial("learned").num_params(torch.Size([3]))
    (6, 3)
    """

    support = "count"

    def __init__(self, dispersion: str = "per-output", event_shape: Sequence[int] | None = None):
        if dispersion not in ("per-output", "learned"):
            raise ValueError(f'dispersion must be "per-output" or "learned", got {dispersion!r}')
        super().__init__()
        self.dispersion = dispersion
        if event_shape is not None:
            self.bind(event_shape)

    def bind(self, event_shape: Sequence[int]) -> None:
        """Fix the shape of one event; a learned dispersion has its parameters made here."""
        made = self.event_shape is not None
        super().bind(event_shape)
        if self.dispersion == "learned" and not made:
            self.raw_dispersion = nn.Parameter(torch.zeros(self.event_shape))

    def num_params(self, event_shape: torch.Size) -> int:
        """A mean for each cell, and its dispersion where that is an output."""
        return event_shape.numel() * (2 if self.dispersion == "per-output" else 1)

    def forward(self, params: Tensor) -> Distribution:
        """`params` are raw means, followed by raw dispersions where those are outputs."""
        if self.dispersion == "per-output":
            mean, theta = self.blocks(params, 2)
        else:
            mean, theta = params.unflatten(-1, self.event_shape), self.raw_dispersion
        mean, theta = positive(mean), positive(theta)
        return WideNegativeBinomial(theta, logits=mean.log() - theta.log()).to_event(len(self.event_shape))

    def params_at(self, mean: Tensor) -> Tensor:
        """The raw means, and a dispersion of log 2."""
        found = raw(mean.flatten())
        return torch.cat([found, torch.zeros_like(found)]) if self.dispersion == "per-output" else found


class ZeroInflated(Likelihood):
    r"""Counts with extra zeros, :math:`p(x_i) = g_i [x_i = 0] + (1 - g_i) \, p_0(x_i)`.

    Args:
        likelihood: what the counts are otherwise, `Poisson` unless told otherwise; also `NegativeBinomial`.

    >>> ZeroInflated(NegativeBinomial()).num_params(torch.Size([3]))
    9
    """

    support = "count"

    def __init__(self, likelihood: Likelihood | None = None, event_shape: Sequence[int] | None = None):
        super().__init__()
        self.likelihood = Poisson() if likelihood is None else likelihood
        if self.likelihood.support != "count":
            name = type(self.likelihood).__name__
            raise ValueError(f"only counts are zero-inflated, and {name} has support {self.likelihood.support!r}")
        if event_shape is not None:
            self.bind(event_shape)

    def bind(self, event_shape: Sequence[int]) -> None:
        """Fix the shape of one event."""
        super().bind(event_shape)
        self.likelihood.bind(event_shape)

    def num_params(self, event_shape: torch.Size) -> int:
        """A gate for each cell, and what the other likelihood needs."""
        return event_shape.numel() + self.likelihood.num_params(event_shape)

    def forward(self, params: Tensor) -> Distribution:
        """`params` are logits of extra zeros, followed by the other likelihood's."""
        gate, rest = params.tensor_split([self.event_shape.numel()], -1)
        counts: Any = self.likelihood(rest)
        gate = gate.unflatten(-1, self.event_shape)
        mixed = dist.ZeroInflatedDistribution(counts.base_dist, gate_logits=gate)
        return mixed.to_event(len(self.event_shape))

    def params_at(self, mean: Tensor) -> Tensor | None:
        """A few extra zeros, and the other likelihood at a mean that makes up for them."""
        gate = torch.full_like(mean.flatten(), GATE)
        rest = self.likelihood.params_at(mean / (-gate.view_as(mean)).sigmoid())
        return None if rest is None else torch.cat([gate, rest])


def positive(raw: Tensor) -> Tensor:
    r""":math:`\mathrm{softplus}(r)`, and a little more."""
    return softplus(raw) + LEAST


def raw(values: Tensor) -> Tensor:
    """What :func:`positive` takes to these values.

    >>> positive(raw(torch.tensor([0.5, 300.0])))
    tensor([  0.5000, 300.0000])
    """
    values = (values - LEAST).clamp(min=LEAST)
    return values + (-torch.expm1(-values)).log()
