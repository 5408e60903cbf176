"""Restricted Boltzmann machines."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.energy.enumeration import log_partition
from genlatent.energy.machine import BoltzmannMachine, Knob, Theta
from genlatent.energy.pseudo import pseudo_likelihood
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
        return self.hidden_units.mean(self.field("hidden", {"visible": self.check(x)}))

    @torch.no_grad()
    def decode(self, z: Float[Tensor, "batch hidden"]) -> Tensor:
        r"""Mean of the visible units given hidden ones, :math:`\sigma(b + W h)` for Bernoulli units."""
        return self.visible_units.mean(self.field("visible", {"hidden": z})).reshape(len(z), *self.event_shape)

    @torch.no_grad()
    def score(self, x: Tensor, *, generator: torch.Generator | None = None) -> Float[Tensor, " batch"]:
        """Minus the free energy: the log-probability but for a constant that is the same for every row."""
        return -self.free_energy(self.check(x))

    def log_partition_exact(self, *, beta: float | None = None, lam: float | None = None) -> Float[Tensor, ""]:
        """ln Z in float64 by listing every state of the smaller layer, which may have up to 25 units."""
        return log_partition(self, beta=beta, lam=lam)

    def log_prob(self, x: Tensor) -> Float[Tensor, " batch"]:
        """Exact log-probability of each row in nats, where :meth:`log_partition_exact` can be had."""
        v = self.check(x).double()
        return -self.reduced_energy({"visible": v}, theta=self.theta().double())[0] - self.log_partition_exact()

    def pseudo_likelihood(self, x: Tensor, *, every: int = 1) -> Float[Tensor, " batch"]:
        r"""Sum over sites of :math:`\log p(v_i \mid v_{-i})`, in nats; for visible units of two values.

        Args:
            x: rows of data.
            every: look at every n-th site only, each row starting one site further, and count each n times over.
        """
        return pseudo_likelihood(self, self.check(x), every)
