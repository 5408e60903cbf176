"""A normal distribution tilted by an energy, its normaliser estimated by annealed chains."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from pyro.distributions import Normal, TorchDistribution
from torch import Tensor
from torch.distributions import constraints

from genlatent.sampling.slopes import slope

Energy = Callable[[Tensor], Tensor]  # (chain, dimensions) -> (chain,)


class Annealed(NamedTuple):
    """Where annealed chains ended, and the logarithms of their weights."""

    z: Float[Tensor, "chain dimensions"]
    log_weights: Float[Tensor, " chain"]


def annealed(energy: Energy, z: Float[Tensor, "chain dimensions"], steps: int, size: float) -> Annealed:
    r"""Chains from :math:`\mathcal{N}(0, I)` to :math:`p(z) \propto e^{-E(z)} \mathcal{N}(z; 0, I)`.

    .. math::

        \log w = -\sum_k (\beta_k - \beta_{k-1}) E(z_{k-1}), \qquad
        \mathbb{E}[w] = Z = \mathbb{E}_{\mathcal{N}(0, I)}[e^{-E(z)}], \qquad
        \frac{\mathbb{E}[w f(z_K)]}{\mathbb{E}[w]} = \mathbb{E}_p[f(z)]

    with :math:`z_k` one Metropolis-adjusted Langevin step on from :math:`z_{k-1}`, at :math:`\beta_k = k/K`.

    Args:
        energy: differentiable; no gradient goes through the chains.
        z: draws of the standard normal.
        steps: the K.
        size: h of the step :math:`z + \frac{h^2}{2} \nabla \log p_k(z) + h \eta`.

    References:
        Annealed importance sampling (Neal, 2001)
    """
    log_weights, at = z.new_zeros(len(z)), slope(energy, z)
    for k in range(1, steps + 1):
        log_weights = log_weights - at[0] / steps
        z, at = _langevin(energy, z, at, k / steps, size)
    return Annealed(z, log_weights)


def _langevin(
    energy: Energy, z: Tensor, at: tuple[Tensor, Tensor], beta: float, size: float
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """One corrected step for beta E(z) + |z|^2 / 2, and energy and gradient of E where it led."""
    ahead = z - size**2 / 2 * (beta * at[1] + z)
    proposed = ahead + size * torch.randn_like(z)
    there = slope(energy, proposed)
    back = proposed - size**2 / 2 * (beta * there[1] + proposed)
    gain = beta * (at[0] - there[0]) + (z.square() - proposed.square()).sum(1) / 2
    forth_and_back = ((proposed - ahead).square() - (z - back).square()).sum(1) / (2 * size**2)
    accepted = torch.rand_like(gain).log() < gain + forth_and_back
    column = accepted.unsqueeze(1)
    now = torch.where(accepted, there[0], at[0]), torch.where(column, there[1], at[1])
    return torch.where(column, proposed, z), now


class Tilted(TorchDistribution):
    r""":math:`p(z) = e^{-E(z)} \mathcal{N}(z; 0, I) / Z`, with ln Z estimated where a density is asked for.

    The estimate :math:`\log \frac{1}{n} \sum_i w_i` carries the gradient
    :math:`-\sum_i \tilde w_i \nabla E(z_i)` of ln Z, with the normalised weights of the chains' ends: parameters
    of E learn by the contrast of given z and chains.

    Args:
        energy: `(n, dimensions) -> (n,)`.
        event_shape: of one z.
        chains, steps, size: of the annealed chains of one estimate.
        draw_steps: steps of each chain at the end that a draw is.
        batch_shape: of independent copies.
    """

    arg_constraints = {}  # pyright: ignore[reportAssignmentType]  # a property there, a mapping in every subclass
    has_rsample = False

    def __init__(
        self,
        energy: Energy,
        event_shape: Sequence[int],
        like: Tensor,
        chains: int = 256,
        steps: int = 20,
        size: float = 0.6,
        draw_steps: int = 200,
        batch_shape: Sequence[int] = (),
    ):
        self.energy, self.like = energy, like
        self.chains, self.steps, self.size, self.draw_steps = chains, steps, size, draw_steps
        super().__init__(torch.Size(batch_shape), torch.Size(event_shape), validate_args=False)

    @property
    def support(self) -> constraints.Constraint:  # pyright: ignore[reportIncompatibleMethodOverride]
        """All real values."""
        return constraints.independent(constraints.real, len(self.event_shape))

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """Independent copies."""
        how = (self.chains, self.steps, self.size, self.draw_steps)
        return Tilted(self.energy, self.event_shape, self.like, *how, batch_shape)

    @property
    def tilted(self) -> Any:
        """The standard normal that this is a tilted copy of: a divergence from it has a closed form."""
        loc = torch.zeros_like(self.like).reshape(-1)[0].expand(self.batch_shape + self.event_shape)
        return Normal(loc, torch.ones_like(loc)).to_event(len(self.event_shape))

    def tilt(self, value: Tensor) -> Tensor:
        """E(z) + ln Z, minus the log of what it is tilted by; with a fresh estimate of ln Z for all values together."""
        energy = self.energy(value.reshape(-1, self.event_shape.numel()))
        return energy.reshape(value.shape[: value.dim() - len(self.event_shape)]) + self.log_partition()

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density."""
        return self.tilted.log_prob(value) - self.tilt(value)

    def log_partition(self) -> Tensor:
        """An estimate of ln Z whose gradient is that of ln Z."""
        with torch.no_grad():
            ends = self.anneal(self.chains, self.steps)
            weights = ends.log_weights.softmax(0)
            value = ends.log_weights.double().logsumexp(0) - torch.tensor(float(self.chains)).double().log()
        tied = (weights * self.energy(ends.z)).sum()
        return value.to(tied.dtype) - (tied - tied.detach())

    def anneal(self, chains: int, steps: int) -> Annealed:
        """Annealed chains of this distribution."""
        start = torch.randn(chains, self.event_shape.numel(), dtype=self.like.dtype, device=self.like.device)
        return annealed(self.energy, start, steps, self.size)

    @torch.no_grad()
    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """The ends of chains that were annealed for half of their steps and stay at the target for the others."""
        shape = torch.Size(sample_shape) + self.batch_shape
        z = self.anneal(shape.numel(), self.draw_steps // 2).z
        at = slope(self.energy, z)
        for _ in range(self.draw_steps - self.draw_steps // 2):
            z, at = _langevin(self.energy, z, at, 1.0, self.size)
        return z.reshape(shape + self.event_shape)
