"""Mixtures that say where they live in terms that samplers understand."""

from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor
from torch.distributions import constraints


class Mixture(dist.MixtureSameFamily):
    """A mixture of components that all live on one set, so that its support is theirs.

    Torch wraps that support into one for which no change of variables is known, and NUTS, HMC and automatic guides need
    one. Nothing else differs.

    >>> bumps = dist.Normal(torch.zeros(3, 2), 1.0).to_event(1)
    >>> Mixture(dist.Categorical(torch.ones(3)), bumps).support
    IndependentConstraint(Real(), 1)
    """

    @property
    def support(self) -> Any:  # type: ignore[override]  # torch declares it a fixed value of the class
        """Where each component lives."""
        return self.component_distribution.support


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
