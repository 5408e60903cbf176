"""The stacked autoencoder."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from genlatent.autoencoders.autoencoder import Autoencoder
from genlatent.autoencoders.classifier import Classifier
from genlatent.autoencoders.layer import AutoencoderLayer
from genlatent.distributions.base import Likelihood
from genlatent.distributions.reconstructions import CrossEntropy, ReconstructionLoss
from genlatent.errors import RecipeError
from genlatent.networks.base import Sizes
from genlatent.networks.mlp import MLP
from genlatent.networks.tied import Tied, Transposed


class StackedAutoencoder(Autoencoder):
    r"""A deep autoencoder that can begin as shallow ones, trained one on the codes of the other.

    .. math:: z = f_L(\dots f_1(x)), \qquad \hat x = g_1(\dots g_L(z)), \qquad
        \min_{f_l, g_l} \sum_n \ell_l\bigl(h_{n, l-1}, g_l(f_l(\tilde h_{n, l-1}))\bigr), \quad h_0 = x

    `pretrain` trains the layers from the data upwards; unrolled, they are this model. `fit` then goes on with all of
    them together, or :meth:`classifier` puts a softmax layer on the code and `fit` trains that. Without `pretrain` it
    is a deep autoencoder from a random start.

    References:
        Reducing the dimensionality of data with neural networks (Hinton and Salakhutdinov, 2006)

        Greedy layer-wise training of deep networks (Bengio et al., 2007)

        Stacked denoising autoencoders (Vincent et al., 2010)

    Args:
        event_shape: shape of one x.
        hidden: units of each layer from the data upwards, the code last.
        activation: of every layer but the code, by name.
        code_activation: of the code; that of the other layers unless given.
        loss: a reconstruction loss or likelihood of x; squared error.
        corruption: what spoils x while all layers are trained together.
        layer_corruption: what spoils the input of each layer while it is trained alone.
        penalties: on the code of each layer while it is trained alone, as `Reconstruction` takes them.
        tied: whether decoders are the transposes of encoders, in the layers and afterwards.
        classes: where it is given, each layer trained alone learns to tell so many classes as well.
        supervision: weight of the cross-entropy of the labels in each layer.
        missing: whether NaN means a missing value.

    >>> net = StackedAutoencoder((1, 8, 8), hidden=(30, 10))
    >>> net.encode(torch.zeros(3, 1, 8, 8)).shape, [layer.latent for layer in net.stack()]
    (torch.Size([3, 10]), [30, 10])
    """

    def __init__(
        self,
        event_shape: Sizes,
        hidden: Sequence[int] = (500, 250, 30),
        activation: str = "sigmoid",
        code_activation: str | None = None,
        loss: ReconstructionLoss | Likelihood | None = None,
        corruption: Callable[[Tensor], Tensor] | None = None,
        layer_corruption: Callable[[Tensor], Tensor] | None = None,
        penalties: Sequence[Any] = (),
        tied: bool = True,
        classes: int | None = None,
        supervision: float = 1.0,
        missing: bool = False,
    ):
        self.hidden = tuple(hidden)
        if not self.hidden or min(self.hidden) < 1:
            raise RecipeError(f"hidden lists the units of each layer, such as (500, 250, 30), got {hidden!r}")
        *lower, latent = self.hidden
        encoder = MLP(lower, activation, output_activation=code_activation or activation)
        decoder = Tied() if tied else MLP(lower[::-1], activation)
        super().__init__(event_shape, latent, encoder, decoder, loss, corruption, missing=missing)
        self.activation, self.code_activation, self.tied = activation, code_activation, tied
        self.layer_corruption, self.penalties = layer_corruption, tuple(penalties)
        self.classes, self.supervision = classes, supervision

    def stack(self) -> list[AutoencoderLayer]:
        """Fresh layers, to be trained greedily from the data upwards and then adopted."""
        return [self._layer(number) for number in range(len(self.hidden))]

    def _layer(self, number: int) -> AutoencoderLayer:
        top = number == len(self.hidden) - 1
        common = {"penalties": self.penalties, "tied": self.tied, "corruption": copy.deepcopy(self.layer_corruption)}
        told = {"classes": self.classes, "supervision": self.supervision}
        kind = self.code_activation or self.activation if top else self.activation
        units = self.hidden[number]
        if number == 0:
            loss = copy.deepcopy(self.loss)
            return AutoencoderLayer(self.event_shape, units, kind, loss=loss, missing=self.missing, **common, **told)
        grey = self.activation == "sigmoid"
        below, loss = ("identity", CrossEntropy()) if grey else (self.activation, None)
        return AutoencoderLayer(self.hidden[number - 1], units, kind, below, loss, **common, **told)

    @torch.no_grad()
    def adopt(self, layers: Sequence[AutoencoderLayer]) -> None:
        """Take over the parameters of a trained :meth:`stack`: encoders upwards, decoders downwards."""
        for mine, layer in zip(_linear(self.encoder), layers, strict=True):
            mine.load_state_dict(_linear(layer.encoder)[0].state_dict())
        for mine, layer in zip(_linear(self.decoder), reversed(layers), strict=True):
            mine.load_state_dict(_linear(layer.decoder)[0].state_dict())
        self.loss.load_state_dict(layers[0].loss.state_dict())
        self.prepared = True

    def classifier(self, classes: int) -> Classifier:
        """A network with these encoders and a softmax layer on the code, to be fine-tuned by `fit`."""
        made = Classifier(self.event_shape, classes, copy.deepcopy(self.encoder), self.hidden[-1])
        return made.to(next(self.encoder.parameters()))


def _linear(network: nn.Module) -> list[nn.Module]:
    """The layers with parameters, in the order in which rows go through them."""
    return [layer for layer in network.modules() if isinstance(layer, (nn.Linear, Transposed))]
