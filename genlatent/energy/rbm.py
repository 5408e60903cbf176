"""Restricted Boltzmann machines."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.energy.machine import BoltzmannMachine, Knob, Theta
from genlatent.energy.units import Unit
from genlatent.objectives.contrastive import ContrastiveDivergence


class RBM(BoltzmannMachine):
    r"""One visible and one hidden layer, coupled to each other only.

    .. math:: E(v, h) = -b^\top v - c^\top h - v^\top W h

    Args:
        visible: number of visible units, or the shape of one datum.
        hidden: number of hidden units.
        visible_units: kind of visible unit; `Bernoulli` by default.
        hidden_units: kind of hidden unit; `Bernoulli` by default.

    References:
        A Practical Guide to Training Restricted Boltzmann Machines (Hinton, 2012)

    >>> RBM(visible=(1, 2, 2), hidden=3).sample(5, steps=10).shape
    torch.Size([5, 1, 2, 2])
    """

    visible_units: Unit
    hidden_units: Unit
    visible_bias: Tensor
    hidden_bias: Tensor
    visible_hidden_weight: Tensor

    def __init__(
        self,
        visible: int | Sequence[int] = 784,
        hidden: int = 500,
        visible_units: Unit | None = None,
        hidden_units: Unit | None = None,
    ):
        units = {"visible": visible_units, "hidden": hidden_units}
        super().__init__({"visible": visible, "hidden": hidden}, [("visible", "hidden")], units)
        self.visible = self.layers["visible"]
        self.hidden = hidden

    @property
    def W(self) -> Tensor:
        """Couplings, `(visible, hidden)`."""
        return self.visible_hidden_weight

    @property
    def b(self) -> Tensor:
        """Visible biases."""
        return self.visible_bias

    @property
    def c(self) -> Tensor:
        """Hidden biases."""
        return self.hidden_bias

    def free_energy(
        self, v: Float[Tensor, "*batch visible"], *, beta: Knob = None, lam: Knob = None, theta: Theta | None = None
    ) -> Float[Tensor, "*batch"]:
        r"""Energy of :math:`v` with the hidden units summed out.

        .. math:: F(v) = -b^\top v - \sum_j \log\bigl(1 + e^{c_j + v^\top W_{:j}}\bigr)

        (for Bernoulli units; others bring their own base energy and cumulant).

        >>> RBM(visible=3, hidden=4).free_energy(torch.zeros(2, 3)).shape
        torch.Size([2])
        """
        return self.reduced_energy({"visible": v}, beta=beta, lam=lam, theta=theta)[0]

    def objective(self) -> ContrastiveDivergence:
        """Persistent contrastive divergence with the centred gradient."""
        return ContrastiveDivergence()

    @torch.no_grad()
    def encode(self, x: Tensor) -> Float[Tensor, "batch hidden"]:
        r"""Mean of the hidden units, :math:`\sigma(c + v^\top W)` for Bernoulli units."""
        return self.encoded(self.check(x))

    def encoded(self, x: Tensor) -> Float[Tensor, "batch hidden"]:
        """The same of rows that are not checked, differentiable."""
        return self.hidden_units.mean(self.field("hidden", {"visible": self.flat(x)}))

    @torch.no_grad()
    def decode(self, z: Float[Tensor, "batch hidden"]) -> Tensor:
        r"""Mean of the visible units given hidden ones, :math:`\sigma(b + W h)` for Bernoulli units."""
        return self.visible_units.mean(self.field("visible", {"hidden": z})).reshape(len(z), *self.event_shape)
