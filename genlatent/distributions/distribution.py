"""The type of what priors, likelihoods and posteriors return."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # static tools find `to_event`, `mask` and `expand` here; at run time the class is too general a type
    from pyro.distributions.torch_distribution import TorchDistributionMixin as Distribution
else:
    from pyro.distributions import Distribution

__all__ = ["Distribution"]
