"""The conditional variational autoencoder."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyro
import torch
from jaxtyping import Float64
from pyro import poutine
from torch import Tensor, nn

from genlatent.distributions.base import Conditional
from genlatent.distributions.distribution import Distribution
from genlatent.distributions.missing import masked
from genlatent.distributions.posteriors import DiagonalNormal
from genlatent.distributions.priors import StandardNormal
from genlatent.errors import DataError, RecipeError
from genlatent.latent import labels
from genlatent.latent.base import mean
from genlatent.latent.vae import VAE
from genlatent.networks.base import Sizes
from genlatent.networks.conditions import Condition, Labels
from genlatent.networks.split import run_split
from genlatent.networks.wiring import Joint
from genlatent.numerics import devices


class ConditionalVAE(VAE):
    r"""A variational autoencoder of x given y: a class, several attributes, numbers, an image, a part of x itself.

    .. math:: p(x, z \mid y) = p(z \mid y) \, p(x \mid g(z, y)), \qquad q(z \mid x, y) = q(z \mid f(x, y))

    trained by the evidence lower bound on :math:`\log p(x \mid y)`. The first layers are split,
    :math:`W_x x + W_y y + b`, so that y costs one small product, and labels none.

    References:
        Learning structured output representation using deep conditional generative models (Sohn et al., 2015)

    Args:
        event_shape: shape of one x.
        condition: what y is: `Labels(10)`, or just the number of classes (several numbers for several labels),
            `Values(shape)`, or `Quadrants(observed)`, under which the rest of an image is completed.
        prior_network: from y to the means and log variances of :math:`p(z \mid y)`; without it the prior is `prior`,
            whatever y. The pseudo-inputs of a `VampPrior` have the classes as their labels, dealt out in turn.
        label_names: what the data call the labels, so that `sample(given={"digit": 3})` knows them.
        latent, likelihood, prior, posterior, encoder, decoder, missing: as in :class:`VAE`; a module from elsewhere is
            called as `encoder(x, y)` and `decoder(z, y)`, with y as numbers, labels as ones at their classes.

    >>> vae = ConditionalVAE((1, 8, 8), 10, latent=2)
    >>> vae.sample(3, given={"y": 7}).shape
    torch.Size([3, 1, 8, 8])
    """

    def __init__(
        self,
        event_shape: Sizes,
        condition: Condition | int | Sequence[int],
        latent: Sizes = 20,
        likelihood: Conditional | None = None,
        prior: Any = None,
        posterior: Conditional | None = None,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        prior_network: nn.Module | None = None,
        label_names: Sequence[str] = (),
        missing: bool = False,
    ):
        super().__init__(event_shape, latent, likelihood, prior, posterior, encoder, decoder, missing)
        self.condition = condition if isinstance(condition, Condition) else Labels(condition)
        self.label_names = tuple(label_names)
        self.condition.bind(self.event_shape)
        self.decoder_condition = self.condition.term(self.decoder)
        self.encoder_condition = nn.Identity() if self.condition.within else self.condition.term(self.encoder)
        self._refuse_lending()
        self._connect_prior(prior_network)

    def _refuse_lending(self) -> None:
        if self.prior.from_encoder and not (self.condition.within or isinstance(self.condition, Labels)):
            raise RecipeError(
                f"{type(self.prior).__name__} needs a condition for each pseudo-input, and only labels can be dealt "
                "out; under values take a prior_network, or gaussian-mixture"
            )

    def _connect_prior(self, network: nn.Module | None) -> None:
        self.prior_network = network
        if network is None:
            return
        if not isinstance(self.prior, StandardNormal):
            raise RecipeError("prior_network makes the prior p(z|y), so it leaves no place for another prior")
        self.conditional_prior = DiagonalNormal(self.latent_shape)
        outputs = torch.Size([self.conditional_prior.num_params(self.latent_shape)])
        inputs = torch.Size([self.condition.num_features])
        self._prior_joint = Joint("prior_network", inputs, outputs, f"p(z|y) of {self.latent_shape.numel()} latents")
        self._prior_joint.connect(network)

    @property
    def conditions(self) -> tuple[str, ...]:
        """What `given` may hold: z, and the condition by its names."""
        if self.condition.within:
            return ("z", "x", "y")
        return ("z", *(labels.names(self.label_names) if isinstance(self.condition, Labels) else ("y",)))

    @property
    def conditional(self) -> bool:
        """Whether verbs about rows need to be told y."""
        return not self.condition.within

    def model(self, x: Tensor | None = None, y: Tensor | None = None, n: int = 1) -> Tensor:
        """p(x, z | y): observes `x`, or draws one row for each y."""
        self.register("prior", "decoder", "decoder_condition", "likelihood")
        x, known = (None, None) if x is None else self.split(x)
        y, observed = self.condition.of(x, y), both(known, self.condition.unseen())
        with pyro.plate("data", len(y)):
            z = pyro.sample("z", self.prior_given(y))
            p = self.likelihood(self.params(z, y))
            return pyro.sample("x", p if observed is None else masked(p, observed), obs=x)

    def guide(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """q(z | x, y)."""
        self.register("encoder", "encoder_condition", "posterior")
        x, _ = self.split(x)
        with pyro.plate("data", len(x)):
            return pyro.sample("z", self.infer(x, self.condition.of(x, y)))

    def prior_given(self, y: Tensor) -> Distribution:
        """p(z | y), one for each row, or the fixed p(z)."""
        if self.prior_network is None:
            return self.prior()
        self.register("prior_network")
        return self.conditional_prior(self._prior_joint.run(self.prior_network, self.condition.features(y)))

    def infer(self, x: Tensor, y: Tensor | None = None) -> Distribution:
        """q(z | x, y) as a distribution, one for each row; gaps must be filled, and y as :meth:`told` gives it."""
        if self.condition.within:
            return super().infer(x)
        if y is None:
            raise DataError(f"{type(self).__name__} encodes rows only together with their condition; give y")
        return self.posterior(run_split(self._encoding, self.encoder, x, self.encoder_condition(y)))

    def lent(self, u: Tensor) -> Distribution:
        """q(z | u, c) of pseudo-inputs u, whose pseudo-conditions c are the classes dealt out in turn."""
        if not isinstance(self.condition, Labels):
            return self.infer(u)
        return self.infer(u, labels.dealt(len(u), self.condition.counts, u.device))

    def params(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """The likelihood's parameters for each code and condition, `(*batch, num_params)`; y as :meth:`told` says."""
        if y is None:
            raise DataError(f"{type(self).__name__} decodes a code only together with its condition; give y")
        return run_split(self._decoding, self.decoder, z, self.decoder_condition(y))

    def told(self, x: Tensor | None, y: Any) -> Tensor:
        """The condition of each row, checked."""
        if y is not None and not isinstance(y, Tensor):
            y = torch.as_tensor(y, device=devices.of(self))
        if y is not None and y.dim() == 0:
            raise DataError(f"the condition is the single value {y.item()}; give one for each row")
        found = self.condition.of(None if x is None else self.shaped(x), y)
        self.condition.check(found)
        if x is not None and len(found) != len(x):
            raise DataError(f"there are {len(found)} conditions for {len(x)} rows; give one for each row")
        return found

    def check_labels(self, train: Tensor | None, held_out: Tensor | None = None) -> None:
        """Refuse data without conditions, or with others than were declared."""
        if not self.condition.within:
            for y in (train, held_out):
                self.condition.check(self.condition.of(None, y))

    def sample(
        self, n: int, *, given: Mapping[str, Any] | None = None, generator: torch.Generator | None = None
    ) -> Tensor:
        """`n` draws of x given y; labels that are not given are drawn with equal probability.

        `given={"y": 3}` holds for all draws, `given={"y": [3, 5]}` row for row. Under `Quadrants`, the images of
        `given={"x": images}` are completed: what the model was trained to see stays, whatever else is there is drawn.
        """
        self.check_count(n)
        held = self.refuse_unknown(given)
        with self.asked(generator):
            y = self._given(held, n)
            codes = {"z": self.given_codes("z", held["z"], n)} if "z" in held else {}
            drawn = poutine.condition(self.model, data=codes)(y=y, n=n)
            unseen = self.condition.unseen()
            return drawn if unseen is None else torch.where(unseen, drawn, self._seen(y, drawn))

    def _given(self, held: Mapping[str, Any], n: int) -> Tensor:
        if isinstance(self.condition, Labels):
            counts, device = self.condition.counts, devices.of(self)
            found = labels.read(held, counts, self.label_names, n, device)
            return labels.evenly(n, counts, device) if found is None else found
        value = held.get("x", held.get("y")) if self.condition.within else held.get("y")
        if value is None:
            name = "x" if self.condition.within else "y"
            raise DataError(f"{type(self).__name__} draws x given {name}; give it: given={{{name!r}: ...}}")
        rows = self._rows(torch.as_tensor(value, dtype=self._dtype(), device=devices.of(self)), n)
        return self.told(rows, None) if self.condition.within else self.told(None, rows)

    def _rows(self, value: Tensor, n: int) -> Tensor:
        size = self.event_shape.numel() if self.condition.within else self.condition.num_features
        rows = value.reshape(1, *value.shape) if value.numel() == size else value
        if len(rows) not in (1, n):
            raise DataError(
                f"the given condition has {len(rows)} rows for {n} draws; give one row, or one for each draw"
            )
        return rows.expand(n, *rows.shape[1:])

    def _dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype

    def _seen(self, y: Tensor, like: Tensor) -> Tensor:
        """The cells that are seen, back in their places."""
        places: Any = self.condition.places
        return torch.zeros_like(like).flatten(1).index_copy(1, places, y).view_as(like)

    def encode(self, x: Tensor, y: Any = None) -> Tensor:
        """Mean of q(z | x, y) for each row."""
        with self.settled():
            return mean(self.infer(self._filled(x), None if self.condition.within else self.told(x, y)))

    def decode(self, z: Tensor, y: Any = None) -> Tensor:
        """Mean of p(x | z, y) for each code; under `Quadrants` y are the images, or their seen cells."""
        with self.settled():
            return self.likelihood.mean(self.params(z, self.told(None, y)))

    def reconstruct(self, x: Tensor, y: Any = None) -> Tensor:
        """The mean of x given its own code and condition; what was seen stays as it was."""
        y = self.told(x, y)
        z = self.encode(x) if self.condition.within else self.encode(x, y)
        with self.settled():
            made, unseen = self.likelihood.mean(self.params(z, y)), self.condition.unseen()
            return made if unseen is None else torch.where(unseen, made, self.shaped(x))

    def log_weights(
        self,
        x: Tensor,
        num_samples: int = 1,
        generator: torch.Generator | None = None,
        y: Any = None,
    ) -> Float64[Tensor, "draw batch"]:
        r""":math:`\log p(x, z_k \mid y) - \log q(z_k \mid x, y)`, in float64; under `Quadrants` of the unseen cells."""
        return super().log_weights(x, num_samples, generator, self.under(x, y))

    def under(self, x: Tensor, y: Any) -> Tensor | None:
        """The condition of each row, checked; None where it lies in x itself."""
        y = self.told(x, y)
        return None if self.condition.within else y


def both(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    """Where two masks hold; None holds everywhere."""
    return second if first is None else first if second is None else first & second
