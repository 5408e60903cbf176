"""Units that point up or down."""

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.energy.units.base import RARE, Unit, uniform_like
from genlatent.energy.units.bernoulli import softplus


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
        return (uniform_like(field, generator) < (2 * field).sigmoid()).to(field.dtype) * 2 - 1

    def link(self, mean: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch units"]:
        """The inverse of tanh."""
        return mean.clamp(2 * RARE - 1, 1 - 2 * RARE).atanh()
