"""Any model's encoder under a softmax layer."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from genlatent.autoencoders.classifier import Classifier
from genlatent.distributions.supports import Support
from genlatent.errors import Unsupported
from genlatent.model import Model
from genlatent.networks.wiring import at_rest


class Codes(nn.Module):
    """The codes of a model as a network: `(batch, *event)` -> `(batch, values of a code)`, differentiable."""

    def __init__(self, base: Model):
        super().__init__()
        self.base = base

    def forward(self, x: Tensor) -> Tensor:
        """The code of each row, flat."""
        return self.base.encoded(x).flatten(1)


class FineTune(Classifier):
    r"""Class probabilities from the code of a model of any family, with the model trained further,

    .. math:: p(y \mid x) = \mathrm{softmax}(V z(x) + a)

    where z(x) is the mean of q(z | x) of a VAE, the hidden means of an RBM or belief net, the code of an autoencoder,
    the averaged patches of a masked one. A copy of the model is moved; `frozen=True` leaves it, which makes a linear
    probe trained by gradient steps.

    References:
        A fast learning algorithm for deep belief nets (Hinton, Osindero and Teh, 2006)

        Masked autoencoders are scalable vision learners (He et al., 2022)

    Args:
        base: the model, trained or fresh; it is copied.
        classes: how many.
        frozen: whether the model stays as it is.
        corruption: what spoils x while the classes are learned.
        dropout: share of the code's values that is left out while the classes are learned.

    >>> from genlatent.autoencoders.autoencoder import Autoencoder
    >>> FineTune(Autoencoder((1, 8, 8), latent=5), classes=10).predict_proba(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        base: Model,
        classes: int,
        frozen: bool = False,
        corruption: Callable[[Tensor], Tensor] | None = None,
        dropout: float = 0.0,
    ):
        base = copy.deepcopy(base)
        super().__init__(base.event_shape, classes, Codes(base), code_size(base), frozen, corruption, dropout)
        self.to(next(base.parameters()))

    @property
    def base(self) -> Model:
        """The model, as it is by now."""
        assert isinstance(self.encoder, Codes)
        return self.encoder.base

    @property
    def support(self) -> Support:
        """Where x lies: what the model takes."""
        return self.base.support

    def stack(self) -> list[Any]:
        """The layers of the model, where it is a stack, to be trained greedily and adopted."""
        return self._stacked().stack()

    def adopt(self, layers: Sequence[Any]) -> None:
        """Let the model take over its trained layers."""
        self._stacked().adopt(layers)

    def _stacked(self) -> Any:
        if not hasattr(self.base, "stack"):
            raise Unsupported(
                f"{type(self.base).__name__} is no stack of layers, so there is nothing to train greedily"
            )
        return self.base

    def encode(self, x: Tensor) -> Tensor:
        """The code that the model has for each row by now."""
        return self.base.encode(x)

    def decode(self, z: Tensor) -> Tensor:
        """What the model makes of each code; its decoder has not been trained further."""
        return self.base.decode(z)

    def score(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """What the model says of each row."""
        return self.base.score(x, generator=generator)


def code_size(model: Model) -> int:
    """Values in one code of a model; a model whose code has no derivative is refused."""
    if model.conditional:
        raise Unsupported(f"{type(model).__name__} has codes that depend on the label, so they cannot tell it")
    with at_rest(model):
        return model.encoded(next(model.parameters()).new_zeros(1, *model.event_shape))[0].numel()
