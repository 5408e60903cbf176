"""The autoencoder."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from genlatent.distributions.base import Likelihood
from genlatent.distributions.missing import refuse_gaps, split
from genlatent.distributions.reconstructions import ReconstructionLoss, SquaredError
from genlatent.distributions.supports import Support
from genlatent.errors import Unsupported
from genlatent.model import Model
from genlatent.networks.base import Sizes, size
from genlatent.networks.mlp import MLP
from genlatent.networks.wiring import Joint, at_rest, image_like, start_from_mean
from genlatent.objectives.reconstruction import Reconstruction


class Autoencoder(Model):
    r"""A code f(x) and a reconstruction g(f(x)), both deterministic.

    .. math:: \min_{f, g} \sum_n \ell(x_n, g(f(\tilde x_n)))

    With a corruption it is the denoising autoencoder; without one and with linear networks it spans the principal
    subspace.

    References:
        Reducing the dimensionality of data with neural networks (Hinton and Salakhutdinov, 2006)

    Args:
        event_shape: shape of one x.
        latent: number of values in a code, or its shape.
        encoder: a network or any module from x to the code.
        decoder: a network or any module from the code to the loss's parameters.
        loss: a reconstruction loss, or a likelihood whose negative logarithm is one; squared error.
        corruption: what spoils x before it is encoded, in training only.
        missing: whether NaN means a missing value, left out of the loss; otherwise NaN is refused.

    >>> Autoencoder((1, 8, 8), latent=2).encode(torch.zeros(3, 1, 8, 8)).shape
    torch.Size([3, 2])
    """

    family = "autoencoder"

    def __init__(
        self,
        event_shape: Sizes,
        latent: Sizes = 20,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        loss: ReconstructionLoss | Likelihood | None = None,
        corruption: Callable[[Tensor], Tensor] | None = None,
        missing: bool = False,
    ):
        super().__init__()
        self.event_shape, self.missing = size(event_shape, "event_shape"), missing
        self.latent = latent if isinstance(latent, int) else tuple(latent)
        self.loss = SquaredError() if loss is None else loss
        self.corruption = corruption
        self.encoder = MLP() if encoder is None else encoder
        self.decoder = MLP() if decoder is None else decoder
        self._connect()

    @property
    def latent_shape(self) -> torch.Size:
        """Shape of one code."""
        return size(self.latent, "latent")

    @property
    def support(self) -> Support:
        """Where x lies: what the loss covers."""
        return self.loss.support

    def _connect(self) -> None:
        self.loss.bind(self.event_shape)
        self._encoding = Joint("encoder", self.event_shape, self.latent_shape, "the code")
        outputs = image_like(self.event_shape, self.loss.num_params(self.event_shape))
        taker = f"the {type(self.loss).__name__} of rows of shape {tuple(self.event_shape)}"
        self._decoding = Joint("decoder", self.latent_shape, outputs, taker)
        self._encoding.connect(self.encoder)
        self._decoding.connect(self.decoder)

    def objective(self) -> Reconstruction:
        """The reconstruction loss."""
        return Reconstruction()

    def prepare(self, x: Tensor) -> None:
        """Let the decoder start from the mean of the data."""
        start_from_mean(self.decoder, self.shaped(x), self.loss)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Rows in this model's shape with gaps filled, and which cells were observed where some may be missing."""
        x = self.shaped(x)
        return split(x, self.support) if self.missing else (x, None)

    def code(self, x: Tensor) -> Tensor:
        """The code of each row, differentiable; gaps must be filled."""
        return self._encoding.run(self.encoder, x).unflatten(-1, self.latent_shape)

    def params(self, code: Tensor) -> Tensor:
        """The decoder's outputs for each code, `(*batch, num_params)`."""
        return self._decoding.run(self.decoder, code)

    def check(self, x: Tensor) -> None:
        """Refuse rows of another shape, outside the support, or with NaN that was not declared."""
        self.loss.check(self.shaped(x), missing=self.missing)

    def encode(self, x: Tensor) -> Tensor:
        """The code of each row."""
        with at_rest(self):
            return self.code(self._filled(x))

    def decode(self, z: Tensor) -> Tensor:
        """The reconstruction that belongs to each code."""
        with at_rest(self):
            return self.loss.mean(self.params(z))

    def score(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Minus the reconstruction loss of each row: not a likelihood, and in the unit of this loss alone."""
        self.check(x)
        with at_rest(self):
            x, observed = self.split(x)
            return -self.loss.loss(self.params(self.code(x)), x, observed)

    def sample(
        self, n: int, *, given: Mapping[str, Any] | None = None, generator: torch.Generator | None = None
    ) -> Tensor:
        """Refused: there is no distribution to draw from."""
        raise Unsupported("an Autoencoder cannot sample: its codes have no distribution; use a VAE")

    def _filled(self, x: Tensor) -> Tensor:
        filled, observed = self.split(x)
        if observed is None:
            refuse_gaps(filled, type(self).__name__)
        return filled
