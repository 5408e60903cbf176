"""Boltzmann machines without hidden units."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from genlatent.energy import recall
from genlatent.energy.machine import BoltzmannMachine
from genlatent.energy.units import Unit
from genlatent.errors import RecipeError
from genlatent.objectives.pseudo_likelihood import PseudoLikelihood
from genlatent.sampling.driver import run
from genlatent.sampling.gibbs import GibbsState


class FullyVisibleBoltzmannMachine(BoltzmannMachine):
    r"""Units that are all data, each coupled with every other or with those that a mask names.

    .. math:: P(s) \propto e^{-E(s) / T}, \qquad E(s) = -\tfrac12 s^\top W s - b^\top s

    with W symmetric and zero on the diagonal. Bernoulli units make it Boltzmann's machine, spins the Ising model and
    Hopfield's network, categorical units the Potts model. It is sampled site by site, and learned by
    pseudo-likelihood, or by its exact likelihood where it has at most 25 units (`ExactLikelihood`).

    Args:
        visible: number of units, or the shape of one datum.
        visible_units: kind of unit; `Bernoulli` by default.
        mask: which sites are coupled: a component such as `Lattice`, a table over pairs of sites; all by default.

    References:
        A learning algorithm for Boltzmann machines (Ackley, Hinton and Sejnowski, 1985)

    >>> FullyVisibleBoltzmannMachine((2, 3)).sample(5, steps=10).shape
    torch.Size([5, 2, 3])
    """

    visible_units: Unit
    visible_bias: Tensor
    visible_visible_weight: Tensor

    def __init__(self, visible: int | Sequence[int] = 784, visible_units: Unit | None = None, mask: Any = None):
        pair, units = ("visible", "visible"), {"visible": visible_units}
        super().__init__({"visible": visible}, [pair], units, {"visible_visible": mask})
        self.visible = self.layers["visible"]
        self.mask = mask

    @property
    def W(self) -> Tensor:
        """Couplings, symmetric and zero on the diagonal."""
        return self.theta().couplings["visible", "visible"]

    @property
    def b(self) -> Tensor:
        """Biases."""
        return self.visible_bias

    def objective(self) -> PseudoLikelihood:
        """Pseudo-likelihood."""
        return PseudoLikelihood()

    @torch.no_grad()
    def reconstruct(self, x: Tensor) -> Tensor:
        """Mean of each unit given all the others as they are."""
        v = self.check(x)
        return self.units["visible"].mean(self.field("visible", {"visible": v})).reshape(len(v), *self.event_shape)

    @torch.no_grad()
    def store(self, patterns: Tensor) -> None:
        """Set the parameters by Hebb's rule, so that these patterns are minima of the energy."""
        theta = recall.hebbian(self, self.check(patterns))
        self.visible_bias.copy_(theta.biases["visible"])
        self.visible_visible_weight.copy_(theta.couplings["visible", "visible"])

    @torch.no_grad()
    def recall(
        self, x: Tensor, *, temperature: float = 0.0, steps: int = 100, generator: torch.Generator | None = None
    ) -> Tensor:
        """Where chains end that start at these rows: the stored patterns, when they start near enough.

        Args:
            x: rows of data, corrupted ones as a rule.
            temperature: 0 for a descent to the next minimum of the energy; above it, the last states of Gibbs
                sampling, which can leave shallow minima.
            steps: sweeps, at temperature 0 at most so many.
            generator: the random stream.
        """
        if not temperature >= 0:
            raise RecipeError(f"temperature must be 0 or above, got {temperature}")
        v = self.check(x)
        if temperature == 0:
            s = recall.descend(self, v, steps)
        else:
            kernel = self.gibbs(temperature=temperature)
            start = GibbsState({"visible": v}, kernel.init(len(v), torch.Generator(v.device)).beta)
            s = run(kernel, start, steps, generator=generator).layers["visible"]
        return s.reshape(len(v), *self.event_shape)
