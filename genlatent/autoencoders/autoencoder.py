"""The autoencoder."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from genlatent.autoencoders.codes import CodeOperation
from genlatent.distributions.base import Likelihood
from genlatent.distributions.missing import refuse_gaps, split
from genlatent.distributions.reconstructions import ReconstructionLoss, SquaredError
from genlatent.distributions.supports import Support
from genlatent.errors import RecipeError
from genlatent.model import Model
from genlatent.networks.base import Sizes, size
from genlatent.networks.mlp import MLP
from genlatent.networks.tied import Tied
from genlatent.networks.wiring import Joint, at_rest, image_like, start_from_mean
from genlatent.objectives.reconstruction import Reconstruction


class Autoencoder(Model):
    r"""A code z = c(f(x)) and a reconstruction g(z) of it.

    .. math:: \min_{f, g} \sum_n \ell(x_n, g(c(f(\tilde x_n))))

    Plain, with linear networks, it spans the principal subspace. With a corruption :math:`\tilde x` it is the denoising
    autoencoder; with a code operation c the k-sparse one or one with noise in its code; with penalties in its objective
    the sparse or contractive one; with `decoder=Tied()` the decoder is the transpose of the encoder.

    References:
        Reducing the dimensionality of data with neural networks (Hinton and Salakhutdinov, 2006)

        Extracting and composing robust features with denoising autoencoders (Vincent et al., 2008)

    Args:
        event_shape: shape of one x.
        latent: number of values in a code, or its shape.
        encoder: a network or any module from x to the code.
        decoder: a network or any module from the code to the loss's parameters.
        loss: a reconstruction loss, or a likelihood whose negative logarithm is one; squared error.
        corruption: what spoils x before it is encoded, in training only.
        code: what is done to the encoder's outputs, such as keeping the k largest; None leaves them as they are.
        missing: whether NaN means a missing value, left out of the loss; otherwise NaN is refused.

    >>> Autoencoder((1, 8, 8), latent=2).encode(torch.zeros(3, 1, 8, 8)).shape
    torch.Size([3, 2])
    """

    family = "autoencoder"
    refusals = {"sample": "cannot sample: its codes have no distribution; use a VAE"}

    def __init__(
        self,
        event_shape: Sizes,
        latent: Sizes = 20,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        loss: ReconstructionLoss | Likelihood | None = None,
        corruption: Callable[[Tensor], Tensor] | None = None,
        code: CodeOperation | None = None,
        missing: bool = False,
    ):
        super().__init__()
        self.event_shape, self.missing = size(event_shape, "event_shape"), missing
        self.latent = latent if isinstance(latent, int) else tuple(latent)
        self.loss = SquaredError() if loss is None else loss
        self.corruption, self.code = corruption, code
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
        if self.code is not None and not isinstance(self.code, CodeOperation):
            raise RecipeError(f"code takes an operation on codes, KSparse(10) for one, got {self.code!r}")
        if self.code is not None:
            self.code.check(self.latent_shape.numel())
        if isinstance(self.decoder, Tied):
            self.decoder.mirror(self.encoder, self.event_shape)
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

    def features(self, x: Tensor) -> Tensor:
        """What the encoder gives for each row, before the code's operation; differentiable, gaps must be filled."""
        return self._encoding.run(self.encoder, x).unflatten(-1, self.latent_shape)

    def encoded(self, x: Tensor) -> Tensor:
        """The code of each row, differentiable; as in training where the model is in training mode."""
        z = self.features(x)
        if self.code is None:
            return z
        flat = z.flatten(-len(self.latent_shape))
        return self.code(flat, self.training).unflatten(-1, self.latent_shape)

    def params(self, z: Tensor) -> Tensor:
        """The decoder's outputs for each code, `(*batch, num_params)`."""
        return self._decoding.run(self.decoder, z)

    def check(self, x: Tensor) -> None:
        """Refuse rows of another shape, outside the support, or with NaN that was not declared."""
        self.loss.check(self.shaped(x), missing=self.missing)

    def encode(self, x: Tensor) -> Tensor:
        """The code of each row."""
        with at_rest(self):
            return self.encoded(self._filled(x))

    def decode(self, z: Tensor) -> Tensor:
        """The reconstruction that belongs to each code."""
        with at_rest(self):
            return self.loss.mean(self.params(z))

    def denoise(self, x: Tensor) -> Tensor:
        """Noisy rows made clean: their reconstruction, whether or not noise was shown in training."""
        return self.reconstruct(x)

    def impute(self, x: Tensor, *, generator: torch.Generator | None = None, rounds: int = 3) -> Tensor:
        r"""Rows with every NaN replaced by what is rebuilt there; observed values stay untouched and nothing is drawn.

        .. math:: \hat x^{(t + 1)}_\text{missing} = g\bigl(f(\hat x^{(t)})\bigr)_\text{missing}, \qquad
                  \hat x^{(t)}_\text{observed} = x_\text{observed}

        from a value inside the support. The model need not have been trained with missing values, but it is better at
        it; one that copies its input fills nothing. Few rounds do best: after many a row is where reconstructions do
        not move it any more, which is seldom where rows of the data are.
        """
        if not isinstance(rounds, int) or rounds < 1:
            raise ValueError(f"rounds must be a whole number of at least 1, got {rounds}")
        x = self.shaped(x)
        self.loss.check(x, missing=True)
        filled, observed = split(x, self.support)
        for _ in range(rounds):
            with at_rest(self):
                filled = torch.where(observed, x, self.loss.mean(self.params(self.encoded(filled))))
        return filled

    def score(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Minus the reconstruction loss of each row: not a likelihood, and in the unit of this loss alone."""
        self.check(x)
        with at_rest(self):
            x, observed = self.split(x)
            return -self.loss.loss(self.params(self.encoded(x)), x, observed)

    def _filled(self, x: Tensor) -> Tensor:
        filled, observed = self.split(x)
        if observed is None:
            refuse_gaps(filled, type(self).__name__)
        return filled
