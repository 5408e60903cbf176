"""Mixtures that say where they live in terms that samplers understand."""

import math
from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor
from torch.distributions import constraints


class Mixture(dist.MixtureSameFamily):
    r"""A mixture of components that all live on one set, so that its support is theirs.

    Torch wraps that support into one for which no change of variables is known, and NUTS, HMC and automatic guides need
    one. And torch compares every row with every component cell by cell; where the components are normal and their cells
    independent, two matrix products in float64 say the same, many times faster with hundreds of components:

    .. math:: -2 \log \mathcal{N}(z; \mu_k, s_k^2) = \sum_d z_d^2 s_{kd}^{-2} - 2 \sum_d z_d \mu_{kd} s_{kd}^{-2}
        + \sum_d \bigl[\mu_{kd}^2 s_{kd}^{-2} + \log 2 \pi s_{kd}^2\bigr]

    >>> bumps = dist.Normal(torch.zeros(3, 2), 1.0).to_event(1)
    >>> Mixture(dist.Categorical(torch.ones(3)), bumps).support
    IndependentConstraint(Real(), 1)
    """

    @property
    def support(self) -> Any:  # type: ignore[override]  # torch declares it a fixed value of the class
        """Where each component lives."""
        return self.component_distribution.support

    def log_prob(self, value: Tensor) -> Tensor:
        """The log density of each row."""
        normal = _normal(self.component_distribution)
        if normal is None:
            return super().log_prob(value)
        if self._validate_args:
            self._validate_sample(value)
        loc, scale = (part.flatten(1).double() for part in torch.broadcast_tensors(normal.loc, normal.scale))
        z = value.flatten(value.ndim - len(self.event_shape)).double()
        middle = loc.mean(0)
        z, loc, precision = z - middle, loc - middle, scale.square().reciprocal()
        rest = (loc.square() * precision + (2 * math.pi * scale.square()).log()).sum(1)
        each = z.square() @ precision.T - 2 * z @ (loc * precision).T + rest
        return (self.mixture_distribution.logits.log_softmax(-1) - 0.5 * each).logsumexp(-1).to(value.dtype)


def _normal(components: Any) -> Any:
    """The normal distribution of all cells, if one row of components is made of plain independent ones."""
    if len(components.batch_shape) != 1 or not isinstance(components, torch.distributions.Independent):
        return None
    cells = components.base_dist
    whole = components.reinterpreted_batch_ndims == len(components.event_shape)
    return cells if whole and type(cells) in (dist.Normal, torch.distributions.Normal) else None


def with_plain_support(p: Any) -> Any:
    """The same distribution, each mixture a :class:`Mixture` where all components have one support."""
    if isinstance(p, torch.distributions.Independent):
        base = with_plain_support(p.base_dist)
        return p if base is p.base_dist else base.to_event(p.reinterpreted_batch_ndims)
    if not isinstance(p, torch.distributions.MixtureSameFamily) or isinstance(p, Mixture):
        return p
    return Mixture(p.mixture_distribution, p.component_distribution) if _shared(p.component_distribution) else p


def _shared(components: Any) -> bool:
    """Whether the components' support depends on none of their parameters."""
    support = components.support
    while isinstance(support, constraints.independent):
        support = support.base_constraint
    return not any(isinstance(value, Tensor) for value in vars(support).values())
