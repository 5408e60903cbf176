"""An autoencoder that can be sampled, since its codes have a density."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from genlatent.autoencoders.density import CodeDensity, best_components
from genlatent.distributions.supports import Support
from genlatent.errors import RecipeError, Unsupported
from genlatent.model import Model
from genlatent.numerics import devices
from genlatent.objectives.followed_codes import FollowedCodes

ROWS = 20_000  # whose codes a density is fitted to at once


class GenerativeAutoencoder(Model):
    r"""A deterministic autoencoder and a Gaussian mixture on its codes.

    .. math:: z \sim \sum_k \pi_k \, \mathcal{N}(\mu_k, \Sigma_k), \qquad x = g(z)

    A draw is the reconstruction of a drawn code. That makes samples and no likelihood: x lies on the surface that the
    decoder spans, where data never lie exactly, so there is no density of x, and none of its numbers are nats of data.

    :meth:`of_trained` adds a density to what is trained already. `pretrain` trains the autoencoder, `fit` starts from a
    density fitted to the codes there are and trains on, the density following the codes. Without `pretrain` it follows
    them from the start, where fresh codes lie in one heap, and often stays one Gaussian.

    References:
        From variational to deterministic autoencoders (Ghosh et al., 2020)

    Args:
        autoencoder: a model that encodes and decodes without chance.
        components: number of Gaussians.

    >>> from genlatent.autoencoders.autoencoder import Autoencoder
    >>> GenerativeAutoencoder(Autoencoder((1, 8, 8), latent=2)).sample(3).shape
    torch.Size([3, 1, 8, 8])
    """

    family = "autoencoder"

    def __init__(self, autoencoder: Model, components: int = 10):
        super().__init__()
        if not hasattr(autoencoder, "latent_shape") or type(autoencoder).decode is Model.decode:
            raise RecipeError(f"a {type(autoencoder).__name__} has no codes that it could decode; use an Autoencoder")
        self.autoencoder, self.components = autoencoder, components
        self.event_shape, self.missing = autoencoder.event_shape, autoencoder.missing
        self.density = CodeDensity(components, self.latent_shape.numel())

    @classmethod
    def of_trained(
        cls,
        autoencoder: Model,
        x: Tensor,
        components: int | Sequence[int] = 10,
        *,
        held_out: Tensor | None = None,
        seed: int = 0,
    ) -> "GenerativeAutoencoder":
        """A trained autoencoder with a density fitted to the codes of these rows.

        Args:
            autoencoder: what is trained; it is kept as it is, and shared.
            x: the rows.
            components: number of Gaussians, or several to choose from: by the density of the codes of `held_out` rows
                where there are some, otherwise by BIC.
            held_out: rows that are not among x.
            seed: of the fit.
        """
        made = cls(autoencoder, 1)
        if not isinstance(components, int):
            others = None if held_out is None else made.codes(held_out)
            components = best_components(made.codes(x), tuple(components), others, seed)
        made = cls(autoencoder, components).to(devices.of(autoencoder))
        made.density.fit(made.codes(x), seed=seed)
        return made

    @property
    def latent_shape(self) -> torch.Size:
        """Shape of one code."""
        return self.autoencoder.latent_shape  # pyright: ignore[reportReturnType]  (the constructor asked for it)

    @property
    def support(self) -> Support:
        """Where x lies, as the autoencoder says."""
        return self.autoencoder.support

    def objective(self) -> FollowedCodes:
        """The autoencoder's objective; the density follows."""
        return FollowedCodes()

    def stack(self) -> list[Model]:
        """The autoencoder alone, to be trained first and then adopted."""
        return [copy.deepcopy(self.autoencoder)]

    def adopt(self, layers: Sequence[Model]) -> None:
        """Take over the parameters of a trained autoencoder."""
        self.autoencoder.load_state_dict(layers[0].state_dict())
        self.autoencoder.prepared = True

    def prepare(self, x: Tensor) -> None:
        """Prepare the autoencoder, unless it is trained, and fit the density to the codes it gives so far."""
        self.autoencoder.begin(x)
        self.density.fit(self.codes(x))

    def codes(self, x: Tensor) -> Tensor:
        """The codes of the first rows, each as one line of values."""
        return self.encode(x[:ROWS]).flatten(1)

    def check(self, x: Tensor) -> None:
        """Refuse what the autoencoder refuses."""
        self.autoencoder.score(x[:1])

    def encode(self, x: Tensor) -> Tensor:
        """The code of each row."""
        return self.autoencoder.encode(x)

    def encoded(self, x: Tensor) -> Tensor:
        """The code of each row, differentiable; gaps must be filled."""
        return self.autoencoder.encoded(x)

    def decode(self, z: Tensor) -> Tensor:
        """The reconstruction that belongs to each code."""
        return self.autoencoder.decode(z)

    def impute(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Rows with every NaN replaced by what the autoencoder rebuilds there."""
        return self.autoencoder.impute(x, generator=generator)

    def score(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """The autoencoder's score of each row: no likelihood."""
        return self.autoencoder.score(x, generator=generator)

    def sample_codes(self, n: int, *, generator: torch.Generator | None = None) -> Tensor:
        """`n` codes drawn from the density."""
        return self.density.sample(n, generator=generator).unflatten(-1, self.latent_shape)

    def sample(
        self, n: int, *, given: Mapping[str, Any] | None = None, generator: torch.Generator | None = None
    ) -> Tensor:
        """Reconstructions of `n` codes drawn from the density: no noise is added to them."""
        self.check_count(n)
        self.refuse_unknown(given)
        return self.decode(self.sample_codes(n, generator=generator))

    def log_prob(self, x: Tensor) -> Tensor:
        """Refused: there is no density of x."""
        raise Unsupported("a GenerativeAutoencoder has no density of x, only of codes: ask density.log_prob(codes)")
