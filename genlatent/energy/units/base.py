r"""Units as exponential families: :math:`p(x \mid f) = e^{f x - U(x) - K(f)}` for an input field :math:`f`.

A unit knows its base energy :math:`U`, its cumulant :math:`K(f) = \log \sum_x e^{f x - U(x)}`, the mean
:math:`K'(f)`, and how to draw :math:`x`. Free energies, Gibbs sampling and annealing are written over these alone.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genlatent.errors import RecipeError
from genlatent.sampling.uniform import Uniform

RARE = 0.01  # base rates are kept this far from the ends, so that their fields stay finite


class Unit(nn.Module):
    """One layer's kind of unit. Subclasses give `cumulant`, `mean`, `sample` and `link`.

    A site is what is drawn at once: a unit, or a group of units of which one is 1.
    """

    support: str = "real"
    values: tuple[float, ...] | None = None  # what a unit can be by itself, where that can be listed
    width: int = 1  # units of one site

    @property
    def alternatives(self) -> tuple[tuple[float, ...], ...] | None:
        """Every state of one site as the values of its units, where they can be listed.

        >>> from genlatent.energy.units import Spin
        >>> Spin().alternatives
        ((-1.0,), (1.0,))
        """
        return None if self.values is None else tuple((value,) for value in self.values)

    def bind(self, num_units: int, layer: str = "a layer") -> None:
        """Meet a layer of this kind; parameters of the unit are made here."""
        if num_units % self.width:
            raise RecipeError(f"{layer} has {num_units} units, which are no groups of {self.width}")

    def prepare(self, x: Float[Tensor, "batch units"]) -> None:
        """Set what rows of data decide before the first step."""

    def spelled(self, x: Tensor, shape: torch.Size) -> Tensor:
        """Rows of data as this unit writes them, for events of that shape."""
        return x

    def base_energy(self, x: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch"]:
        r""":math:`\sum_i U(x_i)`, the part of the energy that no temperature scales; zero for listed values."""
        return x.new_zeros(x.shape[:-1])

    def cumulant(self, field: Float[Tensor, "*batch units"]) -> Float[Tensor, "*batch sites"]:
        """Log of the normaliser of each site."""
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


def uniform_like(x: Tensor, generator: torch.Generator | None) -> Tensor:
    """Uniform numbers in the shape of `x`."""
    return torch.rand(x.shape, generator=generator, dtype=x.dtype, device=x.device)
