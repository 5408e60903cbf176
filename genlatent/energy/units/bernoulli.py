"""Units that are on or off."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from genlatent.energy.units.base import RARE, Unit, uniform_like
from genlatent.sampling.uniform import Uniform


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
        return (uniform_like(field, generator) < field.sigmoid()).to(field.dtype)

    def resample_(self, field: Float[Tensor, "chain units"], uniform: Uniform) -> None:
        r"""1 with probability :math:`\sigma(f)`, over the field."""
        torch.lt(uniform.like(field), field.sigmoid_(), out=field)

    def link(self, mean: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        """The logit."""
        return mean.clamp(RARE, 1 - RARE).logit()


def softplus(x: Tensor) -> Tensor:
    r""":math:`\log(1 + e^x)`, exact in float64 too: torch's default drops :math:`e^{-x}` from x = 20 on, about 2e-9."""
    return functional.softplus(x, threshold=40.0)
