"""The restricted Boltzmann machine as an estimator."""

from typing import Any

import numpy as np
import torch

from genlatent.distributions.supports import Support
from genlatent.energy.rbm import RBM
from genlatent.energy.units import Bernoulli, Gaussian, Unit
from genlatent.errors import DataError
from genlatent.estimators.base import Estimator
from genlatent.objectives.contrastive import ContrastiveDivergence
from genlatent.training.optimizer import Optimizer

UNITS = {"binary": Bernoulli, "real": Gaussian}


class RBMEstimator(Estimator):
    r"""An RBM of bits, or of real columns under Gaussian units: `transform` gives the mean of p(h|x).

    `score_samples` is minus the free energy, which is :math:`\log p(x)` but for a constant that is the same for every
    row: it ranks rows of one machine, and says nothing between machines. For nats, `genlatent.evaluate(rbm.model_, X)`.

    Args:
        hidden: number of hidden units.
        steps: Gibbs steps between two updates.
        persistent: whether chains go on from one update to the next.
        others: as for :class:`~genlatent.estimators.base.Estimator`; the learning rate is that of gradient ascent.

    >>> X = np.random.default_rng(0).integers(0, 2, (60, 6))
    >>> RBMEstimator(hidden=4, epochs=2, mode="eager", random_state=0).fit_transform(X).shape
    (60, 4)
    """

    def __init__(
        self,
        hidden: int = 100,
        *,
        steps: int = 1,
        persistent: bool = True,
        epochs: int = 100,
        batch_size: int = 128,
        learning_rate: float = 0.05,
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
        self.hidden = hidden
        self.steps = steps
        self.persistent = persistent

    def make(self, shape: torch.Size, support: Support) -> RBM:
        """An RBM whose visible units fit the support."""
        if support not in UNITS:
            raise DataError(f"RBMEstimator learns {' or '.join(UNITS)} rows, these are {support}")
        return RBM(shape, self.hidden, visible_units=_units(support))

    def objective(self) -> ContrastiveDivergence:
        """Contrastive divergence."""
        return ContrastiveDivergence(steps=self.steps, persistent=self.persistent)

    def optimizer(self) -> Optimizer:
        """Plain gradient ascent."""
        return Optimizer("sgd", learning_rate=self.learning_rate, schedule="linear")

    def score_samples(self, X: Any) -> np.ndarray:
        """Minus the free energy of each row, in nats, up to one constant for all rows."""
        rows = self._known(X)
        return self._per_unit(self.model_.score(rows))


def _units(support: Support) -> Unit:
    return UNITS[str(support)]()
