"""The semi-supervised variational autoencoder, M2."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pyro
import pyro.distributions as dist
import torch
from jaxtyping import Float64
from pyro import poutine
from torch import Tensor, nn

from genlatent.data.corruptions import Corruption
from genlatent.distributions.base import Conditional
from genlatent.distributions.missing import masked
from genlatent.errors import DataError, RecipeError
from genlatent.latent import labels
from genlatent.latent.base import ROWS_AT_ONCE
from genlatent.latent.conditional import ConditionalVAE
from genlatent.networks.base import Sizes
from genlatent.networks.conditions import refuse_undeclared
from genlatent.networks.mlp import MLP
from genlatent.networks.wiring import Joint
from genlatent.numerics import devices
from genlatent.objectives.enumeration import enumerated
from genlatent.objectives.semi_supervised import SemiSupervisedELBO

IMPOSSIBLE = -1e4  # a logit whose probability is 0 in float32 and float64, and whose product with it is no NaN


class SemiSupervisedVAE(ConditionalVAE):
    r"""A class y and a style z make x; y is known for some rows and summed over for the others (M2).

    .. math:: p(x, y, z) = p(y) \, p(z) \, p(x \mid g(z, y)), \qquad q(y, z \mid x) = q(y \mid x) \, q(z \mid x, y)

    With :math:`-\mathcal{L}(x, y)` the bound on :math:`\log p(x, y)`, training minimises

    .. math:: \frac{1}{N} \Bigl[ \sum_{\text{labelled}} \mathcal{L}(x, y)
        + \sum_{\text{others}} \sum_y q(y \mid x) \bigl(\mathcal{L}(x, y) + \log q(y \mid x)\bigr) \Bigr]
        - \frac{\alpha}{N_\text{labelled}} \sum_{\text{labelled}} \log q(y \mid x)

    Rows without a label are marked -1; for labelled ones q(y | x) of the guide puts everything on the label. The last
    term is the model's site `label`.

    References:
        Semi-supervised learning with deep generative models (Kingma et al., 2014)

    Args:
        event_shape: shape of one x.
        classes: how many there are.
        classification: the weight :math:`\alpha`.
        classifier: a network or any module from x to the logits of q(y | x).
        class_prior: p(y), uniform unless given.
        corruption: noise on what the classifier sees while it learns, lest it know the few labels by heart.
        latent, likelihood, prior, posterior, encoder, decoder, label_names, missing: as in :class:`ConditionalVAE`.

    >>> m2 = SemiSupervisedVAE((1, 8, 8), classes=10, latent=2)
    >>> m2.sample(3, given={"y": 7}).shape, m2.predict(torch.zeros(3, 1, 8, 8)).shape
    (torch.Size([3, 1, 8, 8]), torch.Size([3]))
    """

    log_class_prior: Tensor

    def __init__(
        self,
        event_shape: Sizes,
        classes: int = 10,
        latent: Sizes = 20,
        likelihood: Conditional | None = None,
        prior: Any = None,
        posterior: Conditional | None = None,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        classifier: nn.Module | None = None,
        classification: float = 30.0,
        class_prior: Sequence[float] | None = None,
        corruption: Corruption | None = None,
        label_names: Sequence[str] = (),
        missing: bool = False,
    ):
        if classification < 0:
            raise ValueError(f"classification must not be negative, got {classification}")
        super().__init__(
            event_shape, classes, latent, likelihood, prior, posterior, encoder, decoder, None, label_names, missing
        )
        self.classes, self.classification, self.corruption = classes, classification, corruption
        self.class_prior = None if class_prior is None else tuple(class_prior)
        self.register_buffer("log_class_prior", _log_prior(self.class_prior, classes), persistent=False)
        self.classifier = MLP() if classifier is None else classifier
        self._classifying = Joint("classifier", self.event_shape, torch.Size([classes]), f"{classes} classes")
        self._classifying.connect(self.classifier)

    @property
    def conditional(self) -> bool:
        """Rows need no label: q(y | x) stands in."""
        return False

    def objective(self) -> SemiSupervisedELBO:
        """The bound above."""
        return SemiSupervisedELBO()

    def model(self, x: Tensor | None = None, y: Tensor | None = None, n: int = 1) -> Tensor:
        """p(x, y, z): observes `x`, or draws `n` rows; labels that are given enter by the site `label` alone."""
        self.register("prior", "decoder", "decoder_condition", "likelihood")
        x, observed = (None, None) if x is None else self.split(x)
        with pyro.plate("data", n if x is None else len(x)):
            label = pyro.sample("y", dist.Categorical(logits=self.log_class_prior))
            z = pyro.sample("z", self.prior())
            p = self.likelihood(self.params(z, label))
            if x is not None and y is not None:
                self._classification(x, y)
            return pyro.sample("x", p if observed is None else masked(p, observed), obs=x)

    def _classification(self, x: Tensor, y: Tensor) -> None:
        """The site `label`: log q(y | x) of the labelled rows, weighted so that their mean counts alpha a row."""
        self.register("classifier")
        known: Any = y >= 0
        weight = self.classification * len(y) / known.sum().clamp(min=1).to(x.dtype)
        if self.classification > 0:
            with poutine.scale(scale=weight), poutine.mask(mask=known):
                pyro.sample("label", dist.Categorical(logits=self.class_logits(x)), obs=y.clamp(min=0))

    def guide(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """q(y, z | x); the site y is marked for enumeration."""
        self.register("encoder", "encoder_condition", "posterior", "classifier")
        x, _ = self.split(x)
        logits = self.told_logits(x, y)
        with pyro.plate("data", len(x)):
            label = pyro.sample("y", dist.Categorical(logits=logits), infer={"enumerate": "parallel"})
            return pyro.sample("z", self.infer(x, label))

    def told_logits(self, x: Tensor, y: Tensor | None) -> Tensor:
        """Logits of q(y | x), with all weight on the label of rows that have one; gaps must be filled."""
        logits = self.class_logits(x)
        if y is None:
            return logits
        return torch.where((y >= 0)[:, None], self._certain(y.clamp(min=0), logits), logits)

    def _certain(self, y: Tensor, like: Tensor) -> Tensor:
        classes = torch.arange(self.classes, device=y.device)
        return torch.zeros_like(like).masked_fill(y[:, None] != classes, IMPOSSIBLE)

    def class_logits(self, x: Tensor) -> Tensor:
        """Logits of q(y | x); gaps must be filled."""
        return self.uncorrupted_logits(x if self.corruption is None or not self.training else self.corruption(x))

    def uncorrupted_logits(self, x: Tensor) -> Tensor:
        """The same of rows that are taken as they are."""
        return self._classifying.run(self.classifier, x)

    def predict_proba(self, x: Tensor) -> Tensor:
        """q(y | x), `(n, classes)`."""
        with self.asked():
            return self.class_logits(self._filled(x)).softmax(-1)

    def predict(self, x: Tensor) -> Tensor:
        """The likeliest class of each row."""
        return self.predict_proba(x).argmax(-1)

    def check_labels(self, train: Tensor | None, held_out: Tensor | None = None) -> None:
        """Refuse undeclared classes, and data without a single label."""
        if train is None or bool((train < 0).all()):
            raise DataError(
                f"{type(self).__name__} learns from a few labels at least, and all are missing; without any, use VAE"
            )
        for y in (train, held_out):
            if y is not None:
                refuse_undeclared(self.condition.of(None, y).reshape(len(y), -1), (self.classes,), unlabelled=True)

    def sample(
        self, n: int, *, given: Mapping[str, Any] | None = None, generator: torch.Generator | None = None
    ) -> Tensor:
        """`n` draws of x; `given={"y": 3}` of one class, `given={"y": labels, "z": codes}` row for row."""
        self.check_count(n)
        held = self.refuse_unknown(given)
        y = labels.read(held, (self.classes,), self.label_names, n, devices.of(self))
        known = ({} if y is None else {"y": y}) | ({"z": self.given_codes("z", held["z"], n)} if "z" in held else {})
        with self.asked(generator):
            return poutine.condition(self.model, data=known)(n=n)

    def encode(self, x: Tensor, y: Any = None) -> Tensor:
        """Mean of q(z | x, y), the style of each row; y is predicted where it is not given."""
        return super().encode(x, self._label(x, y))

    def decode(self, z: Tensor, y: Any = None) -> Tensor:
        r"""Mean of p(x | z, y) of each style and class; without :math:`\sum_y p(y) \mathbb{E}[x \mid z, y]`."""
        if y is not None:
            return super().decode(z, y)
        each = torch.stack([super(SemiSupervisedVAE, self).decode(z, y) for y in self._every(len(z))], -1)
        return (each * self.log_class_prior.exp()).sum(-1)

    def reconstruct(self, x: Tensor, y: Any = None) -> Tensor:
        """The mean of x given its own style and class; y is predicted where it is not given."""
        y = self._label(x, y)
        return self.decode(self.encode(x, y), y)

    def transfer_style(self, x: Tensor, y: Any = None) -> Tensor:
        """The style of each row in every class, `(n, classes, *event_shape)`; y is predicted unless given."""
        z = self.encode(x, y)
        return torch.stack([self.decode(z, y) for y in self._every(len(x))], 1)

    def log_weights(
        self,
        x: Tensor,
        num_samples: int = 1,
        generator: torch.Generator | None = None,
        y: Any = None,
    ) -> Float64[Tensor, "draw batch"]:
        r""":math:`\log \sum_y p(x, y, z^y_k) / q(z^y_k \mid x, y)` with :math:`z^y_k \sim q(z \mid x, y)`, in float64.

        Where a label is given only its term stands, so that the weights estimate :math:`\log p(x, y)`.
        """
        return super(ConditionalVAE, self).log_weights(x, num_samples, generator, self.under(x, y))

    def under(self, x: Tensor, y: Any) -> Tensor | None:
        """Labels beside the rows, -1 where there is none."""
        return self.marked(x, y)

    def _log_weights(self, x: Tensor, y: Tensor | None, count: int) -> Tensor:
        return class_weights(self, x, y, count)

    def marked(self, x: Tensor, y: Any) -> Tensor | None:
        """Labels beside the rows, -1 where there is none."""
        if y is None:
            return None
        y = self.condition.of(None, torch.as_tensor(y, device=devices.of(self)))
        if len(y) != len(x):
            raise DataError(f"{len(y)} labels for {len(x)} rows; they go row for row, -1 where there is none")
        refuse_undeclared(y.reshape(len(y), -1), (self.classes,), unlabelled=True)
        return y

    def _label(self, x: Tensor, y: Any) -> Tensor:
        """The label of each row, predicted where it is not given."""
        known = self.marked(x, y)
        if known is None:
            return self.predict(x)
        return torch.where(known >= 0, known, self.predict(x))

    def _every(self, n: int) -> list[Tensor]:
        """Each class, for `n` rows."""
        return [torch.full((n,), label, device=devices.of(self)) for label in range(self.classes)]


def class_weights(model: Any, x: Tensor, y: Tensor | None, count: int) -> Float64[Tensor, "draw batch"]:
    """Log importance weights of `count` draws, the class summed over where y does not say it."""
    at_once = max(1, ROWS_AT_ONCE // (model.classes * len(x)))
    parts = [min(at_once, count - done) for done in range(0, count, at_once)]
    found = [enumerated(model, x, particles=part).log_weights() for part in parts]
    log_w = torch.cat([part.expand(-1, number, len(x)) for part, number in zip(found, parts)], 1)
    if y is not None:
        classes = torch.arange(model.classes, device=y.device)[:, None, None]
        log_w = log_w.masked_fill((y >= 0) & (classes != y), -math.inf)
    return log_w.logsumexp(0)


def _log_prior(class_prior: Sequence[float] | None, classes: int) -> Tensor:
    if class_prior is None:
        return torch.full((classes,), -math.log(classes))
    if len(class_prior) != classes or min(class_prior) <= 0 or abs(sum(class_prior) - 1) > 1e-6:
        raise RecipeError(f"class_prior needs {classes} positive probabilities that sum to 1, got {list(class_prior)}")
    return torch.tensor(class_prior).log()
