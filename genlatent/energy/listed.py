"""The visible layer of a machine as a distribution, exact where one of its two layers can be listed."""

from collections.abc import Sequence
from typing import Any

import torch
from pyro.distributions import TorchDistribution
from torch import Tensor
from torch.distributions import constraints

from genlatent.energy.enumeration import log_partition
from genlatent.energy.rbm import RBM
from genlatent.errors import Unsupported

LARGEST = 16  # units that are listed at every step of a training


class Listed(TorchDistribution):
    r"""Bits with the law of an RBM's visible units, :math:`p(z) = e^{-F(z)} / Z`.

    Z, its gradient and independent draws come from listing the states of the smaller layer.

    Args:
        machine: an RBM of Bernoulli units, one of its layers having at most 16.
        event_shape: of one z.
        batch_shape: of independent copies.
    """

    arg_constraints = {}  # pyright: ignore[reportAssignmentType]  # a property there, a mapping in every subclass
    has_rsample = False

    def __init__(self, machine: RBM, event_shape: Sequence[int], batch_shape: Sequence[int] = ()):
        self.machine = machine
        sizes = machine.sizes
        self.layer = "hidden" if sizes["hidden"] <= sizes["visible"] else "visible"
        if sizes[self.layer] > LARGEST:
            raise Unsupported(
                f"as a prior an RBM lists one of its layers, of up to {LARGEST} units; the smaller has "
                f"{sizes[self.layer]}: give it fewer hidden units"
            )
        super().__init__(torch.Size(batch_shape), torch.Size(event_shape), validate_args=False)

    @property
    def support(self) -> constraints.Constraint:  # pyright: ignore[reportIncompatibleMethodOverride]
        """0 or 1 everywhere."""
        return constraints.independent(constraints.boolean, len(self.event_shape))

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Independent copies."""
        return Listed(self.machine, self.event_shape, batch_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Exact log-probability."""
        z = value.reshape(-1, self.event_shape.numel())
        log_z = log_partition(self.machine)
        found = -self.machine.free_energy(z) - log_z.to(z.dtype)
        return found.reshape(value.shape[: value.dim() - len(self.event_shape)])

    @torch.no_grad()
    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Exact draws: a state of the listed layer by its probability, then the other layer given it."""
        shape = torch.Size(sample_shape) + self.batch_shape
        states = _states(self.machine, self.layer)
        energy, _ = self.machine.reduced_energy({self.layer: states})
        below = (-energy.double()).softmax(0).cumsum(0)
        u = torch.rand(shape.numel(), dtype=below.dtype, device=below.device) * below[-1]
        drawn = states[torch.searchsorted(below, u, right=True).clamp(max=len(states) - 1)]
        if self.layer == "hidden":
            drawn = self.machine.visible_units.sample(self.machine.field("visible", {"hidden": drawn}))
        return drawn.reshape(shape + self.event_shape)


def _states(machine: RBM, layer: str) -> Tensor:
    """All states of a layer of bits, one a row."""
    bias = machine.theta().biases[layer]
    number = torch.arange(2 ** len(bias), device=bias.device)
    bit = torch.arange(len(bias), device=bias.device)
    return (number.unsqueeze(1) // 2**bit % 2).to(bias.dtype)
