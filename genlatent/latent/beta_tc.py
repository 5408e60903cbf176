"""The VAE that pays for the parts of its divergence apart."""

from typing import Any

from torch import nn

from genlatent.distributions.base import Conditional
from genlatent.latent.vae import VAE
from genlatent.networks.base import Sizes
from genlatent.objectives.decomposed import DecomposedELBO


class BetaTCVAE(VAE):
    r"""A VAE, :math:`p(x, z) = p(z) \, p(x \mid g(z))`, whose latent dimensions are pressed to be independent.

    .. math:: \min \; -\mathbb{E}_q[\log p(x \mid z)] + \alpha \, I_q(n; z)
        + \beta \, \mathrm{KL}\Bigl(q(z) \Big\| \prod_j q(z_j)\Bigr)
        + \gamma \, \mathrm{KL}\Bigl(\prod_j q(z_j) \Big\| p(z)\Bigr)

    With all three weights at 1 it is the plain VAE. The posterior must factorise over dimensions.

    References:
        Isolating sources of disentanglement in variational autoencoders (Chen et al., 2018)

    Args:
        event_shape, latent, likelihood, prior, posterior, encoder, decoder, missing: as for `VAE`.
        alpha: weight of the mutual information of row and code.
        beta: weight of the total correlation.
        gamma: weight of the dimension-wise divergence.
        sampling: how a batch stands for the data: `stratified` or `weighted`.

    >>> BetaTCVAE((1, 8, 8), latent=2).objective()
    DecomposedELBO()
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
        alpha: float = 1.0,
        beta: float = 6.0,
        gamma: float = 1.0,
        sampling: str = "stratified",
        missing: bool = False,
    ):
        super().__init__(event_shape, latent, likelihood, prior, posterior, encoder, decoder, missing)
        self.alpha, self.beta, self.gamma, self.sampling = alpha, beta, gamma, sampling
        self.objective()

    def objective(self) -> DecomposedELBO:
        """The bound with its divergence taken apart."""
        return DecomposedELBO(self.alpha, self.beta, self.gamma, self.sampling)
