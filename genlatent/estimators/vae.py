"""The variational autoencoder as an estimator."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sklearn.utils import Tags

from genlatent.distributions.base import Conditional
from genlatent.distributions.likelihoods.matching import matching
from genlatent.distributions.supports import Support
from genlatent.estimators.base import Estimator
from genlatent.latent.beta import BetaVAE
from genlatent.networks.mlp import MLP
from genlatent.numerics.logspace import log_mean_exp


class VAEEstimator(Estimator):
    r"""A (beta-)VAE of tables and vectors: `transform` gives the mean of q(z|x), `score_samples` nats.

    `score_samples` is an importance estimate of :math:`\log p(x)` in the units of X, a lower bound in expectation.

    Args:
        latent: number of latent values.
        hidden: units of each hidden layer of encoder and decoder.
        beta: weight of the KL divergence.
        likelihood: p(x | z); the one that fits the support unless given.
        missing: whether NaN stands for a missing value.
        num_samples: draws of z for each row that is scored.
        others: as for :class:`~genlatent.estimators.base.Estimator`.

    >>> X = np.random.default_rng(0).normal(size=(40, 3)) * [1, 10, 100]
    >>> vae = VAEEstimator(latent=2, hidden=(8,), epochs=2, mode="eager", random_state=0).fit(X)
    >>> vae.transform(X).shape, vae.sample(5).shape, vae.score_samples(X).shape
    ((40, 2), (5, 3), (40,))
    """

    def __init__(
        self,
        latent: int = 2,
        hidden: Sequence[int] = (128,),
        *,
        beta: float = 1.0,
        likelihood: Conditional | None = None,
        missing: bool = False,
        num_samples: int = 100,
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
        self.beta = beta
        self.likelihood = likelihood
        self.missing = missing
        self.num_samples = num_samples

    def make(self, shape: torch.Size, support: Support) -> BetaVAE:
        """A beta-VAE with the likelihood that fits."""
        return BetaVAE(
            shape,
            self.latent,
            likelihood=copy.deepcopy(self.likelihood) if self.likelihood is not None else matching(support, shape),
            encoder=MLP(tuple(self.hidden)),
            decoder=MLP(tuple(self.hidden)),
            beta=self.beta,
            missing=self.missing,
        )

    def score_samples(self, X: Any) -> np.ndarray:
        r"""Importance estimate of :math:`\log p(x)` of each row, in nats."""
        rows = self._known(X)
        weights = self.model_.log_weights(rows, self.num_samples, self._answers())
        return self._per_unit(log_mean_exp(weights))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "density_estimator"
        tags.non_deterministic = True  # a row's estimate depends on which draws fall to it
        return tags
