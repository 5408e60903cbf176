"""The evidence lower bound."""

from typing import Any

import torch
from torch import Tensor, nn

from genlatent.objectives.base import Batch, Loss
from genlatent.objectives.costs import Cost
from genlatent.objectives.pyro_terms import PerRow, Rows, Terms, terms, total
from genlatent.objectives.variational import Variational


class ELBO(Variational, nn.Module):
    r"""Negative evidence lower bound, averaged over rows and particles, with a divergence that may be weighted.

    .. math:: -\mathcal{L}(x) = -\mathbb{E}_{q(z \mid x)}[\log p(x \mid z)]
        + \beta(t) \, c\bigl(\mathrm{KL}(q(z \mid x) \| p(z))\bigr)

    The weight rises from 0 to :math:`\beta` over the warm-up of each cycle; c is what the divergence costs, by
    default itself. The metrics `loss` (with weight 1, in nats), `kl` and `reconstruction` depend on neither.

    References:
        Auto-encoding variational Bayes (Kingma and Welling, 2014)
        Cyclical annealing schedule: a simple approach to mitigating KL vanishing (Fu et al., 2019)

    Args:
        particles: draws of z for each row.
        beta: weight of the divergence.
        warmup: fraction of all training steps over which that weight rises from 0; of each cycle, where there are many.
        cycles: how often it does.
        cost: free bits, a capacity, a constraint, or a `Cost` of one's own.
        analytic: take the KL in closed form where Pyro registers it.
    """

    def __init__(
        self,
        particles: int = 1,
        beta: float = 1.0,
        warmup: float = 0.0,
        cycles: int = 1,
        cost: Cost | None = None,
        analytic: bool = True,
    ):
        if min(particles, cycles) < 1:
            raise ValueError(f"particles must be at least 1, and so must cycles, got {particles} and {cycles}")
        if beta < 0:
            raise ValueError(f"beta must not be negative, got {beta}")
        if not 0 <= warmup <= 1:
            raise ValueError(f"warmup is a fraction of all steps, between 0 and 1, got {warmup}")
        super().__init__()
        self.particles, self.beta, self.warmup, self.cycles = particles, beta, warmup, cycles
        self.cost, self.analytic = cost, analytic

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The scalar to minimise, and what it consists of."""
        t = terms(model, batch.x, batch.y, particles=self.particles)
        kl = t.kl(self.analytic)
        value = t.surrogate(t.reconstruction + self.weigh(t, kl, batch.progress)).mean()
        extra = {} if self.cost is None else self.cost.metrics(batch.progress)
        return Loss(value, {**self.read(t, kl), **extra})

    def weigh(self, t: Terms, kl: Rows, progress: Tensor | float) -> PerRow:
        """What the KL of all sites costs at this point of training."""
        paid = total(kl) if self.cost is None else self.cost(t, kl, progress)
        plain = self.warmup == 0 and self.beta == 1
        return paid if plain else paid * self.weight(progress)

    def weight(self, progress: Tensor | float) -> Tensor | float:
        r"""The weight :math:`\beta(t)`.

        >>> [float(ELBO(beta=2.0, warmup=0.5, cycles=2).weight(t)) for t in (0.0, 0.125, 0.25, 0.625, 1.0)]
        [0.0, 1.0, 2.0, 1.0, 2.0]
        """
        if self.warmup == 0:
            return self.beta
        t = torch.as_tensor(progress) * self.cycles
        t = t - t.floor().clamp(max=self.cycles - 1)
        return self.beta * (t / self.warmup).clamp(max=1.0)
