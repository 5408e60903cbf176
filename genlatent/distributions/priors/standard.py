"""Priors that know nothing but a shape: independent values around 0."""

from collections.abc import Sequence

import pyro.distributions as dist
import torch
from torch import Tensor

from genlatent.distributions.base import Prior
from genlatent.distributions.distribution import Distribution


class Standard(Prior):
    """Independent latent values with location 0; the subclass says of which distribution."""

    loc: Tensor

    def __init__(self, event_shape: Sequence[int] | None = None):
        super().__init__(event_shape)
        self.register_buffer("loc", torch.zeros(()), persistent=False)

    def cells(self, loc: Tensor) -> Distribution:
        """The distribution of each value."""
        raise NotImplementedError

    def forward(self) -> Distribution:
        """The distribution of one z."""
        return self.cells(self.loc.expand(self.event_shape)).to_event(len(self.event_shape))


class StandardNormal(Standard):
    r""":math:`p(z) = \mathcal{N}(z; 0, I)`.

    >>> StandardNormal([3])().event_shape
    torch.Size([3])
    """

    def cells(self, loc: Tensor) -> Distribution:
        """Normal."""
        return dist.Normal(loc, torch.ones_like(loc))


class Laplace(Standard):
    r""":math:`p(z) = \prod_j e^{-|z_j| / s} / 2 s`.

    Args:
        scale: the s.

    >>> Laplace(0.5, [3])().variance
    tensor([0.5000, 0.5000, 0.5000])
    """

    def __init__(self, scale: float = 1.0, event_shape: Sequence[int] | None = None):
        if scale <= 0:
            raise ValueError(f"scale must be positive, got {scale}")
        super().__init__(event_shape)
        self.scale = scale

    def cells(self, loc: Tensor) -> Distribution:
        """Laplace."""
        return dist.Laplace(loc, torch.full_like(loc, self.scale))


class StudentT(Standard):
    r""":math:`p(z) \propto \prod_j (1 + z_j^2 / \nu s^2)^{-(\nu + 1) / 2}`.

    Args:
        df: degrees of freedom :math:`\nu`.
        scale: the s.

    >>> StudentT(4.0, event_shape=[2])().variance
    tensor([2., 2.])
    """

    def __init__(self, df: float = 5.0, scale: float = 1.0, event_shape: Sequence[int] | None = None):
        if df <= 0 or scale <= 0:
            raise ValueError(f"df and scale must be positive, got {df} and {scale}")
        super().__init__(event_shape)
        self.df, self.scale = df, scale

    def cells(self, loc: Tensor) -> Distribution:
        """Student-t."""
        return dist.StudentT(torch.full_like(loc, self.df), loc, torch.full_like(loc, self.scale))
