"""Restricted Boltzmann machines with one of their two layers twice, the bricks of deep Boltzmann machines."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.energy.machine import BoltzmannMachine
from genlatent.energy.units import Unit
from genlatent.errors import RecipeError
from genlatent.objectives.contrastive import ContrastiveDivergence


class DoubledRBM(BoltzmannMachine):
    r"""A restricted Boltzmann machine with a copy of one layer, which has the same biases and couplings.

    .. math:: E(v, v', h) = -b^\top (v + v') - c^\top h - (v + v')^\top W h

    (the visible layer twice; the data are clamped to both). The layer that is there once feels the other one twice, as
    it will in a deep Boltzmann machine, where another layer stands in for the copy.

    Args:
        visible: number of visible units, or the shape of one datum.
        hidden: number of hidden units.
        doubled: `visible` or `hidden`.
        visible_units, hidden_units: kinds of unit; `Bernoulli` by default.

    References:
        Deep Boltzmann Machines (Salakhutdinov and Hinton, 2009)

    >>> DoubledRBM(4, 3, doubled="hidden").blocks
    (('hidden', 'copy'), ('visible',))
    """

    def __init__(
        self,
        visible: int | Sequence[int],
        hidden: int,
        doubled: str = "visible",
        visible_units: Unit | None = None,
        hidden_units: Unit | None = None,
    ):
        if doubled not in ("visible", "hidden"):
            raise RecipeError(f"doubled must be visible or hidden, got {doubled!r}")
        layers = {"visible": visible, "hidden": hidden, "copy": visible if doubled == "visible" else hidden}
        units = {"visible": visible_units, "hidden": hidden_units}
        again = ("copy", "hidden") if doubled == "visible" else ("visible", "copy")
        super().__init__(layers, [("visible", "hidden"), again], units | {"copy": units[doubled]})
        self.visible, self.hidden, self.doubled = self.layers["visible"], hidden, doubled
        self.copy_units = self.get_submodule(f"{doubled}_units")
        self.register_parameter("copy_bias", self.get_parameter(f"{doubled}_bias"))
        self.register_parameter("_".join((*again, "weight")), self.get_parameter("visible_hidden_weight"))

    def objective(self) -> ContrastiveDivergence:
        """Persistent contrastive divergence with the centred gradient."""
        return ContrastiveDivergence()

    @torch.no_grad()
    def prepare(self, x: Tensor) -> None:
        """The visible layer's base rates and offset, for its copy as well."""
        super().prepare(x)
        if self.doubled == "visible":
            for name in ("base", "offset"):
                self.get_buffer(f"copy_{name}").copy_(self.get_buffer(f"visible_{name}"))

    def clamped(self, x: Tensor) -> dict[str, Tensor]:
        """The data, in the copy as well."""
        rows = self.flat(x)
        return {"visible": rows, "copy": rows} if self.doubled == "visible" else {"visible": rows}

    @torch.no_grad()
    def encode(self, x: Tensor) -> Float[Tensor, "batch hidden"]:
        r"""Mean of the hidden units, :math:`\sigma(c + 2 v^\top W)` under a visible layer that is there twice."""
        self.check(x)
        return self.units["hidden"].mean(self.field("hidden", self.clamped(x)))
