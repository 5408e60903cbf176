"""The mean of several distributions over the same rows, each with its weight."""

from typing import Any

from pyro.distributions import Independent, MaskedDistribution
from torch import Tensor

NUM_DRAWS = 100


def averaged(distribution: Any, weights: Tensor) -> Tensor:
    r"""The mean of the mixture :math:`\sum_k w_k p_k`, where k is the first batch dimension.

    Where a mean says nothing (class numbers), the distribution has a method `averaged(weights)` of its own.

    >>> import torch, pyro.distributions as dist
    >>> averaged(dist.Normal(torch.tensor([[0.0], [4.0]]), 1.0), torch.tensor([[0.25], [0.75]]))
    tensor([3.])
    """
    if isinstance(distribution, (Independent, MaskedDistribution)):
        return averaged(distribution.base_dist, weights)
    if hasattr(distribution, "averaged"):
        weights = _as_wide(weights, len(distribution.batch_shape))
        return distribution.averaged(weights)
    mean = mean_of(distribution)
    return (_as_wide(weights, mean.dim()) * mean).sum(0)


def mean_of(distribution: Any) -> Tensor:
    """The mean, or the average of draws from a distribution that knows none."""
    try:
        return distribution.mean
    except NotImplementedError:
        return distribution.sample((NUM_DRAWS,)).mean(0)


def _as_wide(weights: Tensor, dims: int) -> Tensor:
    return weights.reshape(*weights.shape, *(1,) * (dims - weights.dim()))
