r"""Units as exponential families: :math:`p(x \mid f) = e^{f x - U(x) - K(f)}` for an input field :math:`f`.

A unit knows its base energy :math:`U`, its cumulant :math:`K(f) = \log \sum_x e^{f x - U(x)}`, the mean
:math:`K'(f)`, and how to draw :math:`x`. Free energies, Gibbs sampling and annealing are written over these alone.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from genlatent.sampling.uniform import Uniform

RARE = 0.01  # base rates are kept this far from the ends, so that their fields stay finite


class Unit(nn.Module):
    """One layer's kind of unit. Subclasses give `cumulant`, `mean`, `sample` and `link`."""

    support: str = "real"
    values: tuple[float, ...] | None = None  # what a unit can be, where that can be listed

    def base_energy(self, x: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch"]:
        r""":math:`\sum_i U(x_i)`, the part of the energy that no temperature scales; zero for listed values."""
        return x.new_zeros(x.shape[:-1])

    def cumulant(self, field: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        """Log of the normaliser of each unit."""
        raise NotImplementedError

    def mean(self, field: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        """Mean of each unit."""
        raise NotImplementedError

    def sample(
        self, field: Float[Tensor, "*batch units"], generator: torch.Generator | None = None
    ) -> Float[Tensor, "*batch units"]:
        """One draw of each unit."""
        raise NotImplementedError

    def resample_(self, field: Float[Tensor, "chain units"], uniform: Uniform) -> None:
        """Write a draw over the field; what loops in place use."""
        field.copy_(self.sample(field, uniform.generator))

    def link(self, mean: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        """The field that has this mean, the mean being kept away from the ends of its range."""
        raise NotImplementedError


class Bernoulli(Unit):
    r"""0 or 1: :math:`K(f) = \log(1 + e^f)`.

    >>> Bernoulli().mean(torch.zeros(2))
    tensor([0.5000, 0.5000])
    """

    support = "binary"
    values = (0.0, 1.0)

    def cumulant(self, field: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        r""":math:`\log(1 + e^f)`."""
        return softplus(field)

    def mean(self, field: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        r""":math:`\sigma(f)`."""
        return field.sigmoid()

    def sample(
        self, field: Float[Tensor, "*batch units"], generator: torch.Generator | None = None
    ) -> Float[Tensor, "*batch units"]:
        r"""1 with probability :math:`\sigma(f)`."""
        return (_uniform(field, generator) < field.sigmoid()).to(field.dtype)

    def resample_(self, field: Float[Tensor, "chain units"], uniform: Uniform) -> None:
        r"""1 with probability :math:`\sigma(f)`, over the field."""
        torch.lt(uniform.like(field), field.sigmoid_(), out=field)

    def link(self, mean: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        """The logit."""
        return mean.clamp(RARE, 1 - RARE).logit()


class Spin(Unit):
    r"""-1 or +1: :math:`K(f) = \log(2 \cosh f)`.

    >>> Spin().mean(torch.tensor([0.0, 9.0]))
    tensor([0.0000, 1.0000])
    """

    support = "spin"
    values = (-1.0, 1.0)

    def cumulant(self, field: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        r""":math:`\log(2 \cosh f) = \log(1 + e^{2f}) - f`."""
        return softplus(2 * field) - field

    def mean(self, field: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        r""":math:`\tanh f`."""
        return field.tanh()

    def sample(
        self, field: Float[Tensor, "*batch units"], generator: torch.Generator | None = None
    ) -> Float[Tensor, "*batch units"]:
        r"""+1 with probability :math:`\sigma(2f)`."""
        return (_uniform(field, generator) < (2 * field).sigmoid()).to(field.dtype) * 2 - 1

    def link(self, mean: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        """The inverse of tanh."""
        return mean.clamp(2 * RARE - 1, 1 - 2 * RARE).atanh()


class Gaussian(Unit):
    r"""A real number of unit variance: :math:`U(x) = x^2/2`, :math:`K(f) = f^2/2 + \log\sqrt{2\pi}`.

    >>> Gaussian().mean(torch.tensor([0.5]))
    tensor([0.5000])
    """

    support = "real"

    def base_energy(self, x: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch"]:
        r""":math:`\sum_i x_i^2 / 2`."""
        return x.square().sum(-1) / 2

    def cumulant(self, field: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        r""":math:`f^2/2 + \log\sqrt{2\pi}`."""
        return field.square() / 2 + math.log(2 * math.pi) / 2

    def mean(self, field: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        """The field itself."""
        return field

    def sample(
        self, field: Float[Tensor, "*batch units"], generator: torch.Generator | None = None
    ) -> Float[Tensor, "*batch units"]:
        """Normal around the field."""
        return field + torch.randn(field.shape, generator=generator, dtype=field.dtype, device=field.device)

    def link(self, mean: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        """The mean itself."""
        return mean


def softplus(x: Tensor) -> Tensor:
    r""":math:`\log(1 + e^x)`, exact in float64 too: torch's default drops :math:`e^{-x}` from x = 20 on, about 2e-9."""
    return functional.softplus(x, threshold=40.0)


def _uniform(like: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.rand(like.shape, generator=generator, dtype=like.dtype, device=like.device)
