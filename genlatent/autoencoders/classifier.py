"""A softmax layer on an encoder that may have been trained before."""

from collections.abc import Callable

from jaxtyping import Float, Int
from torch import Tensor, nn

from genlatent.distributions.supports import Support, check
from genlatent.errors import DataError, RecipeError
from genlatent.model import Model
from genlatent.networks.base import Sizes, size
from genlatent.networks.dropout import Dropout
from genlatent.networks.mlp import MLP
from genlatent.networks.wiring import Joint, at_rest
from genlatent.objectives.softmax import SoftmaxCrossEntropy


class Classifier(Model):
    r"""Class probabilities from the features that an encoder finds,

    .. math:: p(y \mid x) = \mathrm{softmax}(V f(x) + a)

    With the encoder of a trained model (`net.classifier(10)`), `fit` fine-tunes it; with a fresh one it is an ordinary
    network; with `frozen=True` it is a probe of what the features hold.

    Args:
        event_shape: shape of one x.
        classes: how many.
        encoder: a network or any module from x to the features.
        features: number of features, or their shape.
        frozen: whether the encoder stays as it is.
        corruption: what spoils x while the classes are learned.
        dropout: share of the features that is left out while the classes are learned.

    >>> import torch
    >>> Classifier((1, 8, 8), classes=10, features=30).predict(torch.zeros(3, 1, 8, 8)).shape
    torch.Size([3])
    """

    family = "autoencoder"

    def __init__(
        self,
        event_shape: Sizes,
        classes: int,
        encoder: nn.Module | None = None,
        features: Sizes = 100,
        frozen: bool = False,
        corruption: Callable[[Tensor], Tensor] | None = None,
        dropout: float = 0.0,
    ):
        super().__init__()
        if classes < 2:
            raise RecipeError(f"classes must be at least 2, got {classes}")
        self.event_shape, self.classes, self.frozen = size(event_shape, "event_shape"), classes, frozen
        self.features = features if isinstance(features, int) else tuple(features)
        self.corruption, self.dropout = corruption, dropout
        self._left_out = Dropout(dropout)
        self.encoder = MLP() if encoder is None else encoder
        shape = size(features, "features")
        self._encoding = Joint("encoder", self.event_shape, shape, "the softmax layer")
        self._encoding.connect(self.encoder)
        self.head = nn.Linear(shape.numel(), classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        if frozen:
            self.encoder.requires_grad_(False)

    @property
    def support(self) -> Support:
        """Anything that is a number."""
        return "real"

    def objective(self) -> SoftmaxCrossEntropy:
        """The cross-entropy of the labels."""
        return SoftmaxCrossEntropy()

    def check_labels(self, train: Tensor | None, held_out: Tensor | None = None) -> None:
        """Refuse labels that are no classes, or more classes than there are."""
        check_classes(train, held_out, self.classes, type(self).__name__)

    def logits(self, x: Tensor) -> Float[Tensor, "batch classes"]:
        """Log-probabilities of the classes but for a constant in each row; differentiable."""
        x = self.shaped(x)
        seen = x if self.corruption is None or not self.training else self.corruption(x)
        return self.head(self._left_out(self._encoding.run(self.encoder, seen)))

    def uncorrupted_logits(self, x: Tensor) -> Float[Tensor, "batch classes"]:
        """The same of rows that are taken as they are, with all of their features."""
        return self.head(self._encoding.run(self.encoder, self.shaped(x)))

    def predict_proba(self, x: Tensor) -> Float[Tensor, "batch classes"]:
        """Probability of each class."""
        check(x, self.support, type(self).__name__)
        with at_rest(self):
            return self.logits(x).softmax(-1)

    def predict(self, x: Tensor) -> Int[Tensor, " batch"]:
        """The likeliest class of each row."""
        return self.predict_proba(x).argmax(-1)


def check_classes(train: Tensor | None, held_out: Tensor | None, classes: int, name: str) -> None:
    """Refuse labels that are no classes, or more classes than there are; `name` is the model's."""
    if train is None:
        raise DataError(f"{name} learns from labels, and these data have none")
    if train.dim() != 1 or train.is_floating_point():
        raise DataError(f"{name} takes one class for each row, got labels of shape {tuple(train.shape)}")
    for part in (train, held_out):
        if part is not None and len(part) and int(part.max()) >= classes:
            raise DataError(f"class {int(part.max())} in the labels; this {name} has {classes} classes")
