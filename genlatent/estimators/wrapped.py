"""Any model as an estimator."""

import copy
from typing import Any

import torch

from genlatent.distributions.supports import Support
from genlatent.errors import DataError
from genlatent.estimators.base import Estimator
from genlatent.model import Model
from genlatent.objectives.base import Objective
from genlatent.training.optimizer import Optimizer


class ModelEstimator(Estimator):
    """A model that is there already, of whatever family; `fit` trains a copy of it and leaves it as it is.

    Args:
        model: where training starts, weights included.
        loss: an objective; the model's own unless given.
        how: an optimiser; Adam at `learning_rate` unless given.
        others: as for :class:`~genlatent.estimators.base.Estimator`.

    >>> import genlatent as gl
    >>> X = torch.rand(20, 6).round().numpy()
    >>> ModelEstimator(gl.LadderVAE(6, (3, 2)), epochs=1, mode="eager").fit(X).sample(4).shape
    (4, 6)
    """

    def __init__(
        self,
        model: Model,
        *,
        loss: Objective | None = None,
        how: Optimizer | None = None,
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
        self.model = model
        self.loss = loss
        self.how = how

    @property
    def missing(self) -> bool:
        """Whether NaN stands for a missing value: what the model says."""
        return self.model.missing

    def make(self, shape: torch.Size, support: Support) -> Model:
        """A copy of the model."""
        if self.model.event_shape.numel() != shape.numel():
            raise DataError(f"X has {shape.numel()} columns, the model takes rows of {tuple(self.model.event_shape)}")
        return copy.deepcopy(self.model)

    def objective(self) -> Objective | None:
        """The one given, or None for the model's own."""
        return copy.deepcopy(self.loss)

    def optimizer(self) -> Optimizer:
        """The one given, or Adam."""
        return self.how or super().optimizer()
