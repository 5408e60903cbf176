"""A semi-supervised model of the codes of a variational autoencoder, M1+M2."""

from collections.abc import Mapping
from typing import Any

import pyro
import pyro.distributions as dist
import torch
from jaxtyping import Float64
from pyro import poutine
from torch import Tensor

from genlatent.data.corruptions import Corruption
from genlatent.distributions.missing import masked, split
from genlatent.distributions.supports import Support
from genlatent.errors import DataError, RecipeError
from genlatent.latent import labels
from genlatent.latent.base import LatentModel
from genlatent.latent.semi_supervised import SemiSupervisedVAE, class_weights
from genlatent.latent.vae import VAE
from genlatent.numerics import devices
from genlatent.objectives.stacked import StackedELBO


class StackedVAE(LatentModel):
    r"""A class y and a style :math:`z_2` make a code :math:`z_1`, which makes x.

    .. math:: p(x, y, z_1, z_2) = p(y) \, p(z_2) \, p(z_1 \mid y, z_2) \, p(x \mid z_1), \qquad
        q(y, z_1, z_2 \mid x) = q(z_1 \mid x) \, q(y \mid z_1) \, q(z_2 \mid z_1, y)

    One `fit` trains both: the lower model first, then the upper one on its codes; a lower model that is trained already
    is left as it is by `StackedELBO(first=0)`. With `together` both learn then, one model of three layers.

    References:
        Semi-supervised learning with deep generative models (Kingma et al., 2014)

    Args:
        first: the model of x, M1.
        second: the model of its codes, M2, with a likelihood for real numbers.
        corruption: changes of x, drawn anew at each step, of whose codes the second model learns; for example shifts.

    >>> from genlatent.distributions.likelihoods import Gaussian
    >>> m2 = SemiSupervisedVAE(5, classes=10, latent=2, likelihood=Gaussian("per-output"))
    >>> stack = StackedVAE(VAE((1, 8, 8), latent=5), m2)
    >>> stack.sample(3, given={"y": 7}).shape
    torch.Size([3, 1, 8, 8])
    """

    def __init__(self, first: VAE, second: SemiSupervisedVAE, corruption: Corruption | None = None):
        super().__init__()
        if first.latent_shape.numel() != second.event_shape.numel():
            codes, rows = tuple(first.latent_shape), tuple(second.event_shape)
            raise RecipeError(f"the first model has codes of shape {codes}, the second takes rows of shape {rows}")
        if second.support != "real":
            raise RecipeError(f"codes are real numbers, the second model takes {second.support}; use Gaussian")
        self.first, self.second, self.corruption = first, second, corruption
        self.event_shape, self.missing, self.classes = first.event_shape, first.missing, second.classes

    @property
    def support(self) -> Support:
        """Where x lies."""
        return self.first.support

    @property
    def conditions(self) -> tuple[str, ...]:
        """The class by its names, the style, the code."""
        return ("z_1", "z_2", *labels.names(self.second.label_names))

    def objective(self) -> StackedELBO:
        """The two bounds, one after the other."""
        return StackedELBO()

    def model(self, x: Tensor | None = None, y: Tensor | None = None, n: int = 1) -> Tensor:
        """p(x, y, z_1, z_2): observes `x`, or draws `n` rows."""
        self.register("first", "second")
        x, observed = (None, None) if x is None else self.split(x)
        with pyro.plate("data", n if x is None else len(x)):
            label = pyro.sample("y", dist.Categorical(logits=self.second.log_class_prior))
            style = pyro.sample("z_2", self.second.prior())
            code = pyro.sample("z_1", self.second.likelihood(self.second.params(style, label)))
            p = self.first.likelihood(self.first.params(code.unflatten(-1, self.first.latent_shape)))
            return pyro.sample("x", p if observed is None else masked(p, observed), obs=x)

    def guide(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """q(y, z_1, z_2 | x); the site y is marked for enumeration."""
        self.register("first", "second")
        x, _ = self.split(x)
        with pyro.plate("data", len(x)):
            code = pyro.sample("z_1", self.first.infer(x))
            logits = self.second.told_logits(code, y)
            label = pyro.sample("y", dist.Categorical(logits=logits), infer={"enumerate": "parallel"})
            return pyro.sample("z_2", self.second.infer(code, label))

    def corrupted(self, x: Tensor) -> Tensor:
        """The rows whose codes the second model learns from."""
        return x if self.corruption is None or not self.training else self.corruption(x)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Rows in the first model's shape with gaps filled, and which cells were observed where some may be missing."""
        x = self.shaped(x)
        return split(x, self.support) if self.missing else (x, None)

    def check(self, x: Tensor) -> None:
        """Refuse rows that the first model refuses."""
        self.first.likelihood.check(self.shaped(x), missing=self.missing)

    def check_labels(self, train: Tensor | None, held_out: Tensor | None = None) -> None:
        """Refuse labels that the second model refuses."""
        self.second.check_labels(train, held_out)

    def prepare(self, x: Tensor) -> None:
        """Let the first model start from the data, unless it is trained."""
        self.first.begin(x)

    def encode(self, x: Tensor) -> Tensor:
        """The code of each row, the mean of q(z_1 | x)."""
        return self.first.encode(x)

    def decode(self, z: Tensor) -> Tensor:
        """The mean of x for each code."""
        return self.first.decode(z)

    def predict_proba(self, x: Tensor) -> Tensor:
        """q(y | z_1) at the code of each row, `(n, classes)`."""
        return self.second.predict_proba(self.encode(x))

    def predict(self, x: Tensor) -> Tensor:
        """The likeliest class of each row."""
        return self.predict_proba(x).argmax(-1)

    def transfer_style(self, x: Tensor, y: Any = None) -> Tensor:
        """The style of each row in every class, `(n, classes, *event_shape)`; y is predicted unless given."""
        codes = self.second.transfer_style(self.encode(x), y)
        return self.decode(codes.flatten(0, 1)).unflatten(0, codes.shape[:2])

    def sample(
        self, n: int, *, given: Mapping[str, Any] | None = None, generator: torch.Generator | None = None
    ) -> Tensor:
        """`n` draws of x; `given={"y": 3}` of one class, `given={"y": labels, "z_2": styles}` row for row."""
        self.check_count(n)
        held = self.refuse_unknown(given)
        y = labels.read(held, (self.classes,), self.second.label_names, n, devices.of(self))
        known = {name: value for name, value in held.items() if name in ("z_1", "z_2")}
        for name, value in known.items():
            if len(value) != n:
                raise DataError(f"given {name!r} has {len(value)} rows for {n} draws; give one row for each draw")
        with self.asked(generator):
            return poutine.condition(self.model, data=known | ({} if y is None else {"y": y}))(n=n)

    def log_weights(
        self,
        x: Tensor,
        num_samples: int = 1,
        generator: torch.Generator | None = None,
        y: Any = None,
    ) -> Float64[Tensor, "draw batch"]:
        r""":math:`\log \sum_y p(x, y, z_1, z_2) / q(z_1, z_2 \mid x, y)`; of a given label only its term stands."""
        return super().log_weights(x, num_samples, generator, self.under(x, y))

    def under(self, x: Tensor, y: Any) -> Tensor | None:
        """Labels beside the rows, -1 where there is none."""
        return self.second.marked(x, y)

    def _log_weights(self, x: Tensor, y: Tensor | None, count: int) -> Tensor:
        return class_weights(self, x, y, count)
