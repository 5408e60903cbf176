"""Boltzmann machines with hidden units and any couplings."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.energy import mean_field
from genlatent.energy.machine import BoltzmannMachine, Knob, Theta
from genlatent.energy.units import Unit
from genlatent.errors import Unsupported
from genlatent.objectives.contrastive import ContrastiveDivergence
from genlatent.sampling.mean_field import settled


class GeneralBoltzmannMachine(BoltzmannMachine):
    r"""A visible and a hidden layer, coupled with each other and within themselves.

    .. math:: E(v, h) = -b^\top v - c^\top h - v^\top W h - \tfrac12 v^\top L v - \tfrac12 h^\top J h

    Masks leave couplings out: `Edges([])` leaves out all of a kind, so that an RBM, a semi-restricted machine or a
    lattice with hidden units are special cases. It learns by persistent contrastive divergence; the hidden units of
    the data come from mean field, or from Gibbs sampling with the data clamped
    (`ContrastiveDivergence(positive="gibbs")`).

    Args:
        visible: number of visible units, or the shape of one datum.
        hidden: number of hidden units.
        visible_units: kind of visible unit; `Bernoulli` by default.
        hidden_units: kind of hidden unit; `Bernoulli` by default.
        masks: which sites are coupled, for `visible_hidden`, `visible_visible` and `hidden_hidden`: a component such
            as `Lattice` or `Edges`, or a table over pairs of sites; all of them where none is named.

    References:
        A learning algorithm for Boltzmann machines (Ackley, Hinton and Sejnowski, 1985)

    >>> GeneralBoltzmannMachine((2, 2), hidden=3).sample(5, steps=10).shape
    torch.Size([5, 2, 2])
    """

    visible_units: Unit
    hidden_units: Unit

    def __init__(
        self,
        visible: int | Sequence[int] = 784,
        hidden: int = 100,
        visible_units: Unit | None = None,
        hidden_units: Unit | None = None,
        masks: Mapping[str, Any] | None = None,
    ):
        couplings = [("visible", "hidden"), ("visible", "visible"), ("hidden", "hidden")]
        units = {"visible": visible_units, "hidden": hidden_units}
        super().__init__({"visible": visible, "hidden": hidden}, couplings, units, masks)
        self.visible = self.layers["visible"]
        self.hidden = hidden

    def objective(self) -> ContrastiveDivergence:
        """Persistent contrastive divergence of the mean-field bound, centred in every layer."""
        return ContrastiveDivergence()

    def free_energy(
        self, v: Float[Tensor, "batch visible"], *, beta: Knob = None, lam: Knob = None, theta: Theta | None = None
    ) -> Float[Tensor, " batch"]:
        """Variational free energy: above the energy with the hidden units summed out, by mean field."""
        if (beta, lam, theta) != (None, None, None):
            raise Unsupported("the mean field of a general machine is written for its own parameters at temperature 1")
        return mean_field.free_energy(self, v)

    @torch.no_grad()
    def pseudo_likelihood(self, x: Tensor, *, every: int = 1) -> Float[Tensor, " batch"]:
        """Sum over sites of the log-probability of each given the others, by mean field: no bound, see there.

        Args:
            x: rows of data.
            every: look at every n-th site only, each row starting one site further, and count each n times over.
        """
        return mean_field.pseudo_likelihood(self, self.check(x), every)

    @torch.no_grad()
    def encode(self, x: Tensor) -> Float[Tensor, "batch hidden"]:
        """Mean-field means of the hidden units."""
        return mean_field.posterior(self, self.check(x)).means["hidden"]

    @torch.no_grad()
    def decode(self, z: Float[Tensor, "batch hidden"]) -> Tensor:
        """Mean-field means of the visible units given hidden ones."""
        means = settled(self, {"hidden": z}, tolerance=mean_field.TOLERANCE).means["visible"]
        return means.reshape(len(z), *self.event_shape)

    @torch.no_grad()
    def reconstruct(self, x: Tensor) -> Tensor:
        """Mean of each visible unit given the others as they are and the mean-field means of the hidden units."""
        v = self.check(x)
        means = {"visible": v} | mean_field.posterior(self, v).means
        return self.units["visible"].mean(self.field("visible", means)).reshape(len(v), *self.event_shape)
