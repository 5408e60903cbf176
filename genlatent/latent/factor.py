"""The VAE whose total correlation a classifier tells."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from genlatent.distributions.base import Conditional
from genlatent.latent.vae import VAE
from genlatent.networks.base import Sizes
from genlatent.objectives.density_ratio import DensityRatio


class FactorVAE(VAE):
    r"""A VAE, :math:`p(x, z) = p(z) \, p(x \mid g(z))`, whose codes shall look as if each dimension were permuted.

    .. math:: \min \; -\mathcal{L}(x) + \gamma \, \mathrm{KL}\Bigl(q(z) \Big\| \prod_j q(z_j)\Bigr)

    A classifier tells the total correlation. It belongs to the objective, is trained beside the
    model, and is not saved with it.

    References:
        Disentangling by factorising (Kim and Mnih, 2018)

    Args:
        event_shape, latent, likelihood, prior, posterior, encoder, decoder, missing: as for `VAE`.
        gamma: weight of the total correlation.
        classifier: units of the classifier's layers.

    >>> FactorVAE((1, 8, 8), latent=2).objective().gamma
    10.0
    """

    def __init__(
        self,
        event_shape: Sizes,
        latent: Sizes = 20,
        likelihood: Conditional | None = None,
        prior: Any = None,
        posterior: Conditional | None = None,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        gamma: float = 10.0,
        classifier: Sequence[int] = (256, 256, 256),
        missing: bool = False,
    ):
        super().__init__(event_shape, latent, likelihood, prior, posterior, encoder, decoder, missing)
        self.gamma, self.classifier = gamma, tuple(classifier)

    def objective(self) -> DensityRatio:
        """The bound with the total correlation, and a fresh classifier."""
        made = DensityRatio(self.latent_shape.numel(), self.gamma, self.classifier)
        return made.to(next(self.parameters()).device)
