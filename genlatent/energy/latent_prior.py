"""Energies as priors of latent codes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from genlatent.distributions.base import Prior
from genlatent.distributions.distribution import Distribution
from genlatent.energy.listed import Listed
from genlatent.energy.rbm import RBM
from genlatent.energy.tilted import Tilted
from genlatent.energy.units import Bernoulli
from genlatent.errors import RecipeError, Unsupported
from genlatent.networks.base import Network
from genlatent.networks.mlp import MLP
from genlatent.numerics.logspace import effective_sample_size
from genlatent.numerics.randomness import drawing_from

MORE = 8  # times as many chains where nothing is learned


class Partition(NamedTuple):
    """ln Z of a prior, its standard error, and the effective number of chains behind it; exact ones have none."""

    value: float
    error: float
    ess: float | None = None


class LatentEnergyPrior(Prior):
    r"""An energy learned with the model: a network that tilts the standard normal, or an RBM over bits.

    .. math::

        p(z) = \frac{1}{Z} e^{-E(z)} \mathcal{N}(z; 0, I), \quad E(z) = c \tanh(g(z) / c)
        \qquad \text{or} \qquad p(z) = \frac{1}{Z} \sum_h e^{-E(z, h)}

    The gradient of :math:`\log p(z)` is the contrast :math:`-\nabla E(z) + \mathbb{E}_p[\nabla E]`. For a network its
    second part comes from short Langevin chains, annealed from :math:`\mathcal{N}(0, I)` at every step and weighted,
    which estimate ln Z as well: whatever bound asks for :math:`\log p(z)` learns it, and nothing is carried from step
    to step. The network starts at g = 0. Its tilt is bounded: without the c, posterior and energy run off together to
    where no chain goes, and the estimate of ln Z with them. For an RBM, whose posterior is `Bernoulli`, both are
    exact, by enumeration.

    Bounds that are computed with it hold for the estimate of ln Z: :meth:`log_partition` says how good that is.

    References:
        Learning latent space energy-based prior model (Pang et al., 2020)

    Args:
        energy: the g, a network to one number (an MLP unless given), or an `RBM` with at most 16 units on its smaller
            side.
        chains: for one estimate of ln Z while learning; 8 times as many otherwise.
        steps: Langevin steps of each.
        size: length h of a step.
        bound: the c, in nats.

    >>> prior = LatentEnergyPrior(event_shape=[2])
    >>> round(prior().log_prob(torch.zeros(2)).item(), 4)
    -1.8379
    """

    def __init__(
        self,
        energy: nn.Module | None = None,
        chains: int = 256,
        steps: int = 20,
        size: float = 0.6,
        bound: float = 5.0,
        event_shape: Sequence[int] | None = None,
    ):
        if min(chains, steps) < 1 or min(size, bound) <= 0:
            raise ValueError(
                f"chains, steps, size and bound must be above 0, got {chains}, {steps}, {size} and {bound}"
            )
        super().__init__()
        self.energy = MLP((128, 128), "silu") if energy is None else energy
        self.chains, self.steps, self.size, self.bound = chains, steps, size, bound
        if event_shape is not None:
            self.bind(event_shape)

    def bind(self, event_shape: Sequence[int]) -> None:
        """Fix the shape of one z, and make the network."""
        made = self.event_shape is not None
        super().bind(event_shape)
        if made:
            return
        if isinstance(self.energy, RBM):
            _check(self.energy, self.event_shape.numel())
        elif isinstance(self.energy, Network):
            self.energy.bind(self.event_shape.numel(), 1)
            _start_flat(self.energy)

    def forward(self) -> Distribution:
        """The distribution of one z."""
        if isinstance(self.energy, RBM):
            return Listed(self.energy, self.event_shape)
        return self._tilted()

    def _tilted(self) -> Any:
        chains = self.chains if self.training else MORE * self.chains
        like = next(self.energy.parameters())
        return Tilted(self._energy, self.event_shape, like, chains, self.steps, self.size)

    def _energy(self, z: Tensor) -> Tensor:
        return self.bound * (self.energy(z).reshape(len(z)) / self.bound).tanh()

    @torch.no_grad()
    def log_partition(
        self, chains: int = 10_000, steps: int = 200, generator: torch.Generator | None = None
    ) -> Partition:
        r"""ln Z, relative to that of :math:`\mathcal{N}(0, I)` for a network; by annealing, or exact for an RBM.

        Args:
            chains: independent annealed chains.
            steps: of each.
            generator: the random stream.
        """
        if isinstance(self.energy, RBM):
            return Partition(float(self.energy.log_partition_exact()), 0.0)
        with drawing_from(generator):
            log_weights = self._tilted().anneal(chains, steps).log_weights.double()
        relative = (log_weights - log_weights.max()).exp()
        error = relative.std() / relative.mean() / len(relative) ** 0.5
        value = log_weights.logsumexp(0) - torch.tensor(float(chains)).log()
        return Partition(float(value), float(error), float(effective_sample_size(log_weights)))


def _check(machine: RBM, latent: int) -> None:
    """Refuse an RBM that is no law of so many bits, or whose normaliser cannot be listed."""
    if machine.sizes["visible"] != latent:
        raise RecipeError(f"the RBM has {machine.sizes['visible']} visible units, the latent {latent} values")
    for name, unit in machine.units.items():
        if not isinstance(unit, Bernoulli):
            raise Unsupported(f"as a prior an RBM has Bernoulli units; its {name} units are {type(unit).__name__}")
    Listed(machine, [latent])


@torch.no_grad()
def _start_flat(network: Network) -> None:
    """Let the energy be 0 everywhere; a constant would say nothing, so the last layer has none."""
    last = network.output_layer()
    nn.init.zeros_(last.weight)  # pyright: ignore[reportArgumentType]
    last.register_parameter("bias", None)
