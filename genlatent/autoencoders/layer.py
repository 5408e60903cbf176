"""One layer of a stack of autoencoders."""

from collections.abc import Callable, Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from genlatent.autoencoders.autoencoder import Autoencoder
from genlatent.autoencoders.classifier import check_classes
from genlatent.distributions.base import Likelihood
from genlatent.distributions.reconstructions import ReconstructionLoss
from genlatent.networks.activations import activation as find
from genlatent.networks.base import Sizes
from genlatent.networks.mlp import MLP
from genlatent.networks.tied import Tied
from genlatent.objectives.reconstruction import Reconstruction
from genlatent.objectives.supervised import SupervisedReconstruction


class AutoencoderLayer(Autoencoder):
    r"""A shallow autoencoder that learns the codes of the layer below it,

    .. math:: h_l = f_l(W_l \tilde h_{l-1} + b_l), \qquad \hat h_{l-1} = f_{l-1}(W_l^\top h_l + b'_l)

    and, where the number of classes is given, to tell them: :math:`p(y \mid h_l) = \mathrm{softmax}(V h_l + a)`.

    Args:
        event_shape: shape of one x, for upper layers the number of units below.
        latent: units of this layer.
        activation: :math:`f_l`, by name.
        below: :math:`f_{l-1}`, by name; `identity` where the loss itself maps its outputs to where x lies.
        loss: a reconstruction loss or likelihood; squared error.
        corruption: what spoils h, in training only.
        penalties: on the code, as `Reconstruction` takes them.
        tied: whether the decoder is the transpose of the encoder.
        classes: how many classes the labels have; None learns without them.
        supervision: weight of the cross-entropy of the labels.
        missing: whether NaN means a missing value.
    """

    def __init__(
        self,
        event_shape: Sizes,
        latent: int,
        activation: str = "sigmoid",
        below: str = "identity",
        loss: ReconstructionLoss | Likelihood | None = None,
        corruption: Callable[[Tensor], Tensor] | None = None,
        penalties: Sequence[Any] = (),
        tied: bool = True,
        classes: int | None = None,
        supervision: float = 1.0,
        missing: bool = False,
    ):
        encoder, decoder = MLP((), output_activation=activation), Tied() if tied else MLP(())
        super().__init__(event_shape, latent, encoder, decoder, loss, corruption, missing=missing)
        self.activation, self.below, self.tied = activation, below, tied
        self.penalties, self.classes, self.supervision = tuple(penalties), classes, supervision
        self.head = None if classes is None else nn.Linear(latent, classes)
        self._last = find(below)

    def objective(self) -> Reconstruction:
        """The reconstruction loss with the penalties, and with the labels where there are classes."""
        if self.classes is None:
            return Reconstruction(self.penalties)
        return SupervisedReconstruction(self.penalties, self.supervision)

    def check_labels(self, train: Tensor | None, held_out: Tensor | None = None) -> None:
        """Refuse labels that are no classes, where classes are learned."""
        if self.classes is not None:
            check_classes(train, held_out, self.classes, type(self).__name__)

    def params(self, z: Tensor) -> Tensor:
        """The loss's parameters for each code, `(*batch, num_params)`."""
        return self._last(super().params(z))

    def logits(self, x: Tensor) -> Float[Tensor, "batch classes"]:
        """Log-probabilities of the classes but for a constant in each row; differentiable."""
        assert self.head is not None
        return self.head(self.encoded(self.split(x)[0]))
