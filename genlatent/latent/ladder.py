"""The ladder variational autoencoder."""

from collections.abc import Sequence
from typing import Any

import pyro
import pyro.distributions as dist
import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from genlatent.distributions.adapters import as_prior, check_likelihood, check_pair, check_prior
from genlatent.distributions.base import Likelihood, Prior
from genlatent.distributions.distribution import Distribution
from genlatent.distributions.likelihoods import Bernoulli
from genlatent.distributions.missing import masked, refuse_gaps, split
from genlatent.distributions.posteriors import DiagonalNormal
from genlatent.distributions.priors import StandardNormal
from genlatent.distributions.supports import Support
from genlatent.errors import RecipeError
from genlatent.latent.base import LatentModel
from genlatent.networks.base import Sizes, size, xavier
from genlatent.networks.mlp import MLP
from genlatent.networks.wiring import Joint, image_like, start_from_mean
from genlatent.objectives.elbo import ELBO


class LadderVAE(LatentModel):
    r"""A chain of codes :math:`z_L \to \ldots \to z_1 \to x`, inferred from the top down.

    .. math:: p(x, z) = p(z_L) \prod_{i < L} \mathcal{N}(z_i; \mu_i(z_{i+1}), \sigma_i^2(z_{i+1})) \; p(x \mid z_1)

    The guide goes up without chance, :math:`d_i = f_i(d_{i-1})` with :math:`d_0 = x`, and reads an estimate
    :math:`(\hat\mu_i, \hat\sigma_i^2)` off every :math:`d_i`. Then it comes down by the model's own conditionals,
    each weighed against the estimate by their precisions:

    .. math:: q(z_L \mid x) = \mathcal{N}(\hat\mu_L, \hat\sigma_L^2), \quad
              q(z_i \mid z_{i+1}, x) = \mathcal{N}\left(
              \frac{\hat\mu_i \hat\sigma_i^{-2} + \mu_i \sigma_i^{-2}}{\hat\sigma_i^{-2} + \sigma_i^{-2}},
              \frac{1}{\hat\sigma_i^{-2} + \sigma_i^{-2}}\right)

    It is trained by the evidence lower bound, whose KL is weighed up from 0 over the first part of the training so
    that the upper codes stay in use.

    References:
        Ladder variational autoencoders (Sonderby et al., 2016)

    Args:
        event_shape: shape of one x.
        latents: number of values in each code, from z_1 upwards.
        likelihood: p(x | params), `Bernoulli` unless told otherwise.
        prior: p(z_L): a `Prior`, a Pyro distribution or a callable that returns one; standard normal.
        features: number of values in each :math:`d_i`; one number serves all.
        encoders: networks :math:`f_1, \ldots, f_L`.
        decoders: networks from z_1 to the likelihood's parameters, and from each further code to mean and log
            variance of the one below it.
        missing: whether NaN means a missing value, left out of the likelihood; otherwise NaN is refused.

    >>> ladder = LadderVAE((1, 8, 8), latents=(8, 2))
    >>> ladder.sample(3).shape, ladder.encode(torch.zeros(3, 1, 8, 8), layer=2).shape
    (torch.Size([3, 1, 8, 8]), torch.Size([3, 2]))
    """

    def __init__(
        self,
        event_shape: Sizes,
        latents: Sequence[int] = (32, 16),
        likelihood: Likelihood | None = None,
        prior: Any = None,
        features: int | Sequence[int] = 128,
        encoders: Sequence[nn.Module] | None = None,
        decoders: Sequence[nn.Module] | None = None,
        missing: bool = False,
    ):
        super().__init__()
        self.event_shape, self.missing = size(event_shape, "event_shape"), missing
        self.latents = tuple(size(latents, "latents"))
        self.conditions = self.sites
        self.features = features if isinstance(features, int) else tuple(features)
        self.likelihood = Bernoulli() if likelihood is None else likelihood
        self.prior: Prior = as_prior(StandardNormal() if prior is None else prior)
        self.up = nn.ModuleList(self._one_each(encoders, "encoders", "leaky-relu"))
        self.down = nn.ModuleList(self._one_each(decoders, "decoders", "identity"))
        self._connect()

    @property
    def depth(self) -> int:
        """L, the number of codes."""
        return len(self.latents)

    @property
    def encoders(self) -> tuple[nn.Module, ...]:
        """The networks that go up."""
        return tuple(self.up)

    @property
    def decoders(self) -> tuple[nn.Module, ...]:
        """The networks that come down, the one that ends in x first."""
        return tuple(self.down)

    @property
    def sites(self) -> tuple[str, ...]:
        """Names of the codes, from `z_1` upwards."""
        return tuple(f"z_{i}" for i in range(1, self.depth + 1))

    @property
    def support(self) -> Support:
        """Where x lies: what the likelihood covers."""
        return self.likelihood.support

    def _one_each(self, networks: Sequence[nn.Module] | None, name: str, last: str) -> Sequence[nn.Module]:
        if networks is None:
            return [MLP((256,), "leaky-relu", output_activation=last) for _ in self.latents]
        if len(networks) != self.depth:
            raise RecipeError(f"{self.depth} codes need {self.depth} {name}, got {len(networks)}")
        return networks

    def _connect(self) -> None:
        if self.depth < 2:
            raise RecipeError(f"a ladder needs at least 2 codes, got latents={self.latents}; with one it is a VAE")
        self.likelihood.bind(self.event_shape)
        check_likelihood(self.likelihood)
        self.prior.bind(torch.Size(self.latents[-1:]))
        check_prior(self.prior)
        check_pair(self.prior, DiagonalNormal(self.latents[-1:]))
        features = (self.features,) * self.depth if isinstance(self.features, int) else self.features
        if len(features) != self.depth:
            raise RecipeError(f"{self.depth} codes need {self.depth} features, got {len(features)}")
        self.estimates = nn.ModuleList(
            xavier(nn.Linear(seen, 2 * latent)) for seen, latent in zip(features, self.latents)
        )
        below = (self.event_shape, *(torch.Size([n]) for n in features))
        self._ups = [Joint(f"encoder {i + 1}", below[i], below[i + 1], f"layer {i + 1}") for i in range(self.depth)]
        self._downs = [self._downwards(i) for i in range(self.depth)]
        for joint, network in zip((*self._ups, *self._downs), (*self.up, *self.down)):
            joint.connect(network)
        self.prior.attach(self.infer_top, self.event_shape, self.support)

    def _downwards(self, i: int) -> Joint:
        inputs = torch.Size([self.latents[i]])
        if i > 0:
            taker = f"the normal distribution of {self.latents[i - 1]} latents"
            return Joint(f"decoder {i + 1}", inputs, torch.Size([2 * self.latents[i - 1]]), taker)
        outputs = image_like(self.event_shape, self.likelihood.num_params(self.event_shape))
        taker = f"the {type(self.likelihood).__name__} of rows of shape {tuple(self.event_shape)}"
        return Joint("decoder 1", inputs, outputs, taker)

    def objective(self) -> ELBO:
        """The evidence lower bound, the KL weighed up from 0 over the first half of the training."""
        return ELBO(warmup=0.5)

    def model(self, x: Tensor | None = None, y: Tensor | None = None, n: int = 1) -> Tensor:
        """p(x, z): observes `x`, or draws `n` rows of it."""
        self.register("down", "prior", "likelihood")
        observed = None
        if x is not None:
            x, observed = self.split(x)
        with pyro.plate("data", n if x is None else len(x)):
            z = pyro.sample(self.sites[-1], self.prior())
            for i in reversed(range(1, self.depth)):
                z = pyro.sample(self.sites[i - 1], normal(*self.below(i, z)))
            p = self.likelihood(self.params(z))
            return pyro.sample("x", p if observed is None else masked(p, observed), obs=x)

    def guide(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """q(z | x), the top first."""
        self.register("up", "estimates")
        x, _ = self.split(x)
        *lower, top = self.estimated(x)
        with pyro.plate("data", len(x)):
            z = pyro.sample(self.sites[-1], normal(*top))
            for i in reversed(range(1, self.depth)):
                z = pyro.sample(self.sites[i - 1], normal(*combined(lower[i - 1], self.below(i, z))))
            return z

    def split(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Rows in this model's shape with gaps filled, and which cells were observed where some may be missing."""
        x = self.shaped(x)
        return split(x, self.support) if self.missing else (x, None)

    def estimated(self, x: Tensor) -> list[tuple[Tensor, Tensor]]:
        r""":math:`\hat\mu_i` and :math:`\log \hat\sigma_i^2` for each code, from z_1 upwards; gaps must be filled."""
        found, d = [], x
        for joint, network, estimate in zip(self._ups, self.up, self.estimates):
            d = joint.run(network, d)
            found.append(halves(estimate(d)))
        return found

    def infer_top(self, x: Tensor) -> Distribution:
        """q(z_L | x) as a distribution, one for each row; gaps must be filled."""
        return normal(*self.estimated(x)[-1])

    def below(self, i: int, above: Tensor) -> tuple[Tensor, Tensor]:
        r""":math:`\mu_i` and :math:`\log \sigma_i^2` of :math:`p(z_i \mid z_{i+1})`."""
        return halves(self._downs[i].run(self.down[i], above))

    def params(self, z: Tensor) -> Tensor:
        """The likelihood's parameters for each z_1, `(*batch, num_params)`."""
        return self._downs[0].run(self.down[0], z)

    def check(self, x: Tensor) -> None:
        """Refuse rows of another shape, outside the support, or with NaN that was not declared."""
        self.likelihood.check(self.shaped(x), missing=self.missing)

    def prepare(self, x: Tensor) -> None:
        """Let the lowest decoder start from the mean of the data, and the prior from what it takes from them."""
        start_from_mean(self.down[0], self.shaped(x), self.likelihood)
        self.prior.prepare(self.shaped(x))

    def codes(self, x: Tensor) -> list[Tensor]:
        """Mean of q for every code, from z_1 upwards, each given the mean of the one above it."""
        with self.asked():
            *lower, (z, _) = self.estimated(self._filled(x))
            found = [z]
            for i in reversed(range(1, self.depth)):
                found.insert(0, combined(lower[i - 1], self.below(i, found[0]))[0])
            return found

    def encode(self, x: Tensor, layer: int = 1) -> Tensor:
        """The mean of the code of one layer; that of the lowest is what x is decoded from."""
        return self.codes(x)[self._layer(layer) - 1]

    def decode(self, z: Tensor, layer: int = 1) -> Tensor:
        """The mean of x given the code of one layer, the codes below it being at their means."""
        with self.settled():
            for i in reversed(range(1, self._layer(layer))):
                z = self.below(i, z)[0]
            return self.likelihood.mean(self.params(z))

    def _layer(self, layer: int) -> int:
        if not 1 <= layer <= self.depth:
            raise ValueError(f"layer must be between 1 and {self.depth}, got {layer}")
        return layer

    def _filled(self, x: Tensor) -> Tensor:
        filled, observed = self.split(x)
        if observed is None:
            refuse_gaps(filled, type(self).__name__)
        return filled


def combined(estimate: tuple[Tensor, Tensor], prior: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    r"""Mean and log variance of the product of two normal densities, each given by its mean and log variance.

    .. math:: \mu = \mu_p + w (\hat\mu - \mu_p), \quad \log \sigma^2 = \log \hat\sigma^2 + \log w, \quad
              w = \frac{\hat\sigma^{-2}}{\hat\sigma^{-2} + \sigma_p^{-2}}
                = \mathrm{sigmoid}(\log \sigma_p^2 - \log \hat\sigma^2)
    """
    (mean, log_variance), (prior_mean, prior_log_variance) = estimate, prior
    logit = prior_log_variance - log_variance
    return prior_mean + logit.sigmoid() * (mean - prior_mean), log_variance + logsigmoid(logit)


def halves(values: Tensor) -> tuple[Tensor, Tensor]:
    """Means and log variances, as a layer gives them."""
    mean, log_variance = values.chunk(2, -1)
    return mean, log_variance


def normal(mean: Tensor, log_variance: Tensor) -> Distribution:
    """Independent normal values as one event."""
    return dist.Normal(mean, (log_variance / 2).exp()).to_event(1)
