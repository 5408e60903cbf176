"""The VAE with a price on its divergence."""

import copy
from typing import Any

from torch import nn

from genlatent.distributions.base import Conditional
from genlatent.latent.vae import VAE
from genlatent.networks.base import Sizes
from genlatent.objectives.costs import Cost
from genlatent.objectives.elbo import ELBO


class BetaVAE(VAE):
    r"""A VAE, :math:`p(x, z) = p(z) \, p(x \mid g(z))`, that pays :math:`\beta` for each nat of divergence.

    .. math:: \min \; -\mathbb{E}_{q(z \mid x)}[\log p(x \mid z)]
        + \beta(t) \, c\bigl(\mathrm{KL}(q(z \mid x) \| p(z))\bigr)

    Above 1 the code is compressed, which tends to disentangle it; below 1 it reconstructs better than it samples.

    References:
        beta-VAE: learning basic visual concepts with a constrained variational framework (Higgins et al., 2017)

    Args:
        event_shape, latent, likelihood, prior, posterior, encoder, decoder, missing: as for `VAE`.
        beta: weight of the divergence.
        warmup: fraction of all training steps (of each cycle) over which it rises from 0.
        cycles: how often it does.
        cost: `FreeBits`, `Capacity`, `Constraint` or a `Cost` of one's own; the divergence itself unless given.

    >>> BetaVAE((1, 8, 8), latent=2, beta=0.5).objective().beta
    0.5
    """

    cost: Cost | None

    def __init__(
        self,
        event_shape: Sizes,
        latent: Sizes = 20,
        likelihood: Conditional | None = None,
        prior: Any = None,
        posterior: Conditional | None = None,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        beta: float = 4.0,
        warmup: float = 0.0,
        cycles: int = 1,
        cost: Cost | None = None,
        missing: bool = False,
    ):
        super().__init__(event_shape, latent, likelihood, prior, posterior, encoder, decoder, missing)
        self.beta, self.warmup, self.cycles = beta, warmup, cycles
        self.__dict__["cost"] = cost  # no part of the model: what it learns belongs to the objective
        self.objective()

    def objective(self) -> ELBO:
        """The weighted bound, with a cost of its own."""
        made = ELBO(beta=self.beta, warmup=self.warmup, cycles=self.cycles, cost=copy.deepcopy(self.cost))
        return made.to(next(self.parameters()).device)
