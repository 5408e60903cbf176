"""The autoencoder as an estimator."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genlatent.autoencoders.autoencoder import Autoencoder
from genlatent.autoencoders.codes import CodeOperation
from genlatent.distributions.supports import Support
from genlatent.estimators.base import Estimator
from genlatent.networks.mlp import MLP
from genlatent.objectives.reconstruction import Reconstruction


class AutoencoderEstimator(Estimator):
    """An autoencoder of vectors: `transform` gives codes, `score_samples` minus the squared error of each row.

    That error is no likelihood, and is measured inside: in standard deviations of each column.

    Args:
        latent: number of values in a code.
        hidden: units of each hidden layer of encoder and decoder; none gives the linear autoencoder.
        corruption: what spoils a row before it is encoded, in training only.
        code: what is done to the code, such as keeping its largest values.
        penalties: added to the reconstruction error.
        missing: whether NaN stands for a missing value.
        others: as for :class:`~genlatent.estimators.base.Estimator`.

    >>> X = np.random.default_rng(0).normal(size=(40, 5))
    >>> coder = AutoencoderEstimator(latent=2, hidden=(), epochs=2, mode="eager", random_state=0).fit(X)
    >>> coder.inverse_transform(coder.transform(X)).shape
    (40, 5)
    """

    def __init__(
        self,
        latent: int = 2,
        hidden: Sequence[int] = (128,),
        *,
        corruption: Callable[[Tensor], Tensor] | None = None,
        code: CodeOperation | None = None,
        penalties: Sequence[Any] = (),
        missing: bool = False,
        epochs: int = 100,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        support: Support | None = None,
        standardise: bool = True,
        mode: str = "auto",
        random_state: Any = None,
    ):
        super().__init__(
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            support=support,
            standardise=standardise,
            mode=mode,
            random_state=random_state,
        )
        self.latent = latent
        self.hidden = hidden
        self.corruption = corruption
        self.code = code
        self.penalties = penalties
        self.missing = missing

    def make(self, shape: torch.Size, support: Support) -> Autoencoder:
        """An autoencoder of two MLPs."""
        return Autoencoder(
            shape,
            self.latent,
            encoder=MLP(tuple(self.hidden)),
            decoder=MLP(tuple(self.hidden)),
            corruption=self.corruption,
            code=self.code,
            missing=self.missing,
        )

    def objective(self) -> Reconstruction:
        """The squared error, and the penalties."""
        return Reconstruction(penalties=self.penalties)

    def score_samples(self, X: Any) -> np.ndarray:
        """Minus the squared error of each row."""
        return super().score_samples(X)
