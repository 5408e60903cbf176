"""The variational autoencoder."""

from typing import Any

import pyro
import torch
from torch import Tensor, nn

from genlatent.distributions.adapters import as_prior, check_likelihood, check_pair, check_prior
from genlatent.distributions.base import Conditional, Likelihood, Prior
from genlatent.distributions.distribution import Distribution
from genlatent.distributions.likelihoods import Bernoulli
from genlatent.distributions.missing import masked, refuse_gaps, split
from genlatent.distributions.posteriors import DiagonalNormal
from genlatent.distributions.priors import StandardNormal
from genlatent.distributions.supports import Support
from genlatent.errors import RecipeError
from genlatent.latent.base import LatentModel, mean
from genlatent.networks.base import Sizes, size
from genlatent.networks.mlp import MLP
from genlatent.networks.wiring import Joint, image_like, start_from_mean


class VAE(LatentModel):
    r"""A latent code z, a decoder that turns it into x, and an encoder that guesses it back.

    .. math:: p(x, z) = p(z) \, p(x \mid g(z)), \qquad q(z \mid x) = q(z \mid f(x))

    with decoder g and encoder f, trained by the evidence lower bound.

    References:
        Auto-encoding variational Bayes (Kingma and Welling, 2014)

    Args:
        event_shape: shape of one x.
        latent: number of latent values, or the shape of one z.
        likelihood: p(x | params), `Bernoulli` unless told otherwise.
        prior: p(z): a `Prior`, a Pyro distribution or a callable that returns one; standard normal.
        posterior: q(z | params), `DiagonalNormal`.
        encoder: a network or any module from x to the posterior's parameters.
        decoder: a network or any module from z to the likelihood's parameters.
        missing: whether NaN means a missing value, left out of the likelihood; otherwise NaN is refused.

    >>> vae = VAE((1, 8, 8), latent=2)
    >>> vae.sample(3).shape, vae.encode(torch.zeros(3, 1, 8, 8)).shape
    (torch.Size([3, 1, 8, 8]), torch.Size([3, 2]))
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
        missing: bool = False,
    ):
        super().__init__()
        self.event_shape, self.missing = size(event_shape, "event_shape"), missing
        self.latent = latent if isinstance(latent, int) else tuple(latent)
        self.likelihood = _likelihood(Bernoulli() if likelihood is None else likelihood)
        self.prior: Prior = as_prior(StandardNormal() if prior is None else prior)
        self.posterior = DiagonalNormal() if posterior is None else posterior
        self.encoder = MLP() if encoder is None else encoder
        self.decoder = MLP() if decoder is None else decoder
        self._connect()

    @property
    def latent_shape(self) -> torch.Size:
        """Shape of one z."""
        return size(self.latent, "latent")

    @property
    def support(self) -> Support:
        """Where x lies: what the likelihood covers."""
        return self.likelihood.support

    def _connect(self) -> None:
        self.likelihood.bind(self.event_shape)
        check_likelihood(self.likelihood)
        self.prior.bind(self.latent_shape)
        self.posterior.bind(self.latent_shape)
        check_prior(self.prior)
        check_pair(self.prior, self.posterior)
        latents = f"{self.latent_shape.numel()} latents"
        wanted = torch.Size([self.posterior.num_params(self.latent_shape)])
        self._encoding = Joint("encoder", self.event_shape, wanted, f"the posterior of {latents}")
        outputs = image_like(self.event_shape, self.likelihood.num_params(self.event_shape))
        taker = f"the {type(self.likelihood).__name__} of rows of shape {tuple(self.event_shape)}"
        self._decoding = Joint("decoder", self.latent_shape, outputs, taker)
        self._encoding.connect(self.encoder)
        self._decoding.connect(self.decoder)
        self.prior.attach(self.lent, self.event_shape, self.support)

    def model(self, x: Tensor | None = None, y: Tensor | None = None, n: int = 1) -> Tensor:
        """p(x, z): observes `x`, or draws `n` rows of it."""
        self.register("prior", "decoder", "likelihood")
        observed = None
        if x is not None:
            x, observed = self.split(x)
        with pyro.plate("data", n if x is None else len(x)):
            z = pyro.sample("z", self.prior())
            p = self.likelihood(self.params(z))
            return pyro.sample("x", p if observed is None else masked(p, observed), obs=x)

    def guide(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """q(z | x)."""
        self.register("encoder", "posterior")
        x, _ = self.split(x)
        with pyro.plate("data", len(x)):
            return pyro.sample("z", self.infer(x))

    def split(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Rows in this model's shape with gaps filled, and which cells were observed where some may be missing."""
        x = self.shaped(x)
        return split(x, self.support) if self.missing else (x, None)

    def infer(self, x: Tensor) -> Distribution:
        """q(z | x) as a distribution, one for each row; gaps must be filled."""
        return self.posterior(self._encoding.run(self.encoder, x))

    def lent(self, u: Tensor) -> Distribution:
        """q(z | u) of pseudo-inputs u, for a prior that is made of the encoder."""
        return self.infer(u)

    def params(self, z: Tensor) -> Tensor:
        """The likelihood's parameters for each code, `(*batch, num_params)`."""
        return self._decoding.run(self.decoder, z)

    def check(self, x: Tensor) -> None:
        """Refuse rows of another shape, outside the support, or with NaN that was not declared."""
        self.likelihood.check(self.shaped(x), missing=self.missing)

    def prepare(self, x: Tensor) -> None:
        """Let the decoder start from the mean of the data, and the prior from what it takes from them."""
        start_from_mean(self.decoder, self.shaped(x), self.likelihood)
        self.prior.prepare(self.shaped(x))

    def encode(self, x: Tensor) -> Tensor:
        """Mean of q(z | x) for each row; where q does not know its mean, the average of draws, always the same ones."""
        with self.settled():
            return mean(self.infer(self._filled(x)))

    def encoded(self, x: Tensor) -> Tensor:
        """Mean of q(z | x) for each row, differentiable; gaps must be filled."""
        return mean(self.infer(self.shaped(x)))

    def decode(self, z: Tensor) -> Tensor:
        """Mean of p(x | z) for each code."""
        with self.settled():
            return self.likelihood.mean(self.params(z))

    def _filled(self, x: Tensor) -> Tensor:
        filled, observed = self.split(x)
        if observed is None:
            refuse_gaps(filled, type(self).__name__)
        return filled


def _likelihood(given: Any) -> Likelihood:
    if not isinstance(given, Likelihood):
        name = type(given).__name__
        raise RecipeError(f"{name} is no likelihood, and a VAE needs a density; use Bernoulli, Gaussian or your own")
    return given
