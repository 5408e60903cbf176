"""The evidence lower bound."""

import torch
from torch import Tensor

from genlatent.objectives.base import Batch, Loss, Objective
from genlatent.objectives.pyro_terms import Rows, Terms, terms, total


class ELBO(Objective):
    r"""Negative evidence lower bound, averaged over rows and particles.

    .. math:: -\mathcal{L}(x) = -\mathbb{E}_{q(z \mid x)}[\log p(x \mid z)] + \beta \, \mathrm{KL}(q(z \mid x) \| p(z))

    The metrics `loss` (with :math:`\beta = 1`, in nats), `kl` and `reconstruction` do not depend on beta.

    References:
        Auto-encoding variational Bayes (Kingma and Welling, 2014)

    Args:
        particles: draws of z for each row.
        beta: weight of the KL.
        warmup: fraction of all training steps over which that weight rises from 0.
        analytic: take the KL in closed form where Pyro registers it.
    """

    def __init__(self, particles: int = 1, beta: float = 1.0, warmup: float = 0.0, analytic: bool = True):
        if particles < 1:
            raise ValueError(f"particles must be at least 1, got {particles}")
        if beta < 0:
            raise ValueError(f"beta must not be negative, got {beta}")
        if not 0 <= warmup <= 1:
            raise ValueError(f"warmup is a fraction of all steps, between 0 and 1, got {warmup}")
        self.particles, self.beta, self.warmup, self.analytic = particles, beta, warmup, analytic

    def __call__(self, model: torch.nn.Module, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The scalar to minimise, and what it consists of."""
        t = terms(model, batch.x, batch.y, particles=self.particles)
        kl = t.kl(self.analytic)
        value = t.surrogate(t.reconstruction + self.weigh(kl, batch.progress)).mean()
        return Loss(value, {name: rows.detach().mean() for name, rows in self.metrics(t, kl).items()})

    def validate(self, model: torch.nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Loss, KL and reconstruction of each row, in nats."""
        t = terms(model, batch.x, batch.y, particles=self.particles)
        return {
            name: rows.mean(0).expand(t.num_rows).detach()
            for name, rows in self.metrics(t, t.kl(self.analytic)).items()
        }

    def weigh(self, kl: Rows, progress: Tensor | float) -> Tensor:
        """What the KL of all sites costs at this point of training."""
        if self.warmup > 0:
            return total(kl) * (self.beta * torch.as_tensor(progress).div(self.warmup).clamp(max=1.0))
        return total(kl) if self.beta == 1 else total(kl) * self.beta

    def metrics(self, t: Terms, kl: Rows) -> Rows:
        """What people read: the bound at beta 1 and its two parts."""
        reconstruction, divergence = t.reconstruction, total(kl)
        return {"loss": reconstruction + divergence, "kl": divergence, "reconstruction": reconstruction}
