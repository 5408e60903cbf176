"""What every estimator does: rows of an array in, codes, draws and scores out."""

import math
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.data.standards import Standards, standards_of
from genlatent.distributions.supports import Support, check
from genlatent.model import Model
from genlatent.numerics import devices
from genlatent.numerics.randomness import drawing_from, stream
from genlatent.objectives.base import Objective
from genlatent.training.fit import fit
from genlatent.training.optimizer import Optimizer

ONLY_TO_WATCH = 256  # training rows that stand where held-out ones would: nothing is chosen by them


class Estimator(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A model that is made and trained by `fit(X)`, with rows in the user's own units on every side.

    Real columns are measured in standard deviations from their mean inside, unless `standardise=False`. All rows given
    are learned from: cross-validation is scikit-learn's. A subclass says by :meth:`make` what model it is.

    Args:
        epochs: passes over the rows.
        batch_size: rows in a step.
        learning_rate: of Adam at the start; it falls to nothing on a straight line.
        support: where the values lie, one name or one per column; `binary` or `real`, whichever fits, unless given.
        standardise: whether real columns are rescaled inside.
        mode: of the training step: `eager`, `traced`, `compiled`, or `auto`.
        random_state: a number, or numpy's `RandomState`; None draws a new one each time.
    """

    model_: Any  # what was trained, once `fit` has run
    missing = False  # whether NaN stands for a missing value

    def __init__(
        self,
        *,
        epochs: int = 100,
        batch_size: int = 128,
        learning_rate: float = 1e-3,
        support: Support | None = None,
        standardise: bool = True,
        mode: str = "auto",
        random_state: Any = None,
    ):
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.support = support
        self.standardise = standardise
        self.mode = mode
        self.random_state = random_state

    def make(self, shape: torch.Size, support: Support) -> Model:
        """The model for rows of this shape and support, with fresh weights."""
        raise NotImplementedError

    def objective(self) -> Objective | None:
        """What is minimised; the model's own unless a subclass says otherwise."""
        return None

    def fit(self, X: Any, y: Any = None) -> "Estimator":
        """Make the model and train it on the rows of X; y is ignored."""
        rows = self._rows(X, reset=True)
        self.support_ = self.support if self.support is not None else _support(rows)
        check(rows, self.support_, type(self).__name__, missing=self.missing)
        self.standards_ = self._standards(rows)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        data = self._data(self._inward(rows))
        with drawing_from(stream(seed, name="weights")):
            model = self.make(data.shape, data.support)
        self._learn(model, data, seed)
        self.model_ = model.double().eval()
        self._stream = stream(seed, devices.of(model), name="answers").get_state()
        self._n_features_out = self.model_.encode(self._seen(rows[:1])).numel()
        return self

    def transform(self, X: Any) -> np.ndarray:
        """The code of each row, flat."""
        rows = self._known(X)
        return _array(self.model_.encode(rows).flatten(1))

    def inverse_transform(self, Z: Any) -> np.ndarray:
        """The mean row of each code, in the units of X."""
        check_is_fitted(self)
        codes = torch.as_tensor(np.asarray(Z, dtype=np.float64), device=devices.of(self.model_))
        return self._outward(self.model_.decode(codes.unflatten(1, self._code_shape())))

    def reconstruct(self, X: Any) -> np.ndarray:
        """The mean of each row given its own code, in the units of X."""
        rows = self._known(X)
        return self._outward(self.model_.reconstruct(rows))

    def sample(self, n_samples: int = 1) -> np.ndarray:
        """New rows in the units of X; the same ones at each call."""
        check_is_fitted(self)
        return self._outward(self.model_.sample(n_samples, generator=self._answers()))

    def impute(self, X: Any) -> np.ndarray:
        """Rows with every NaN replaced by what the model expects there."""
        rows = self._known(X, gaps=True)
        return self._outward(self.model_.impute(rows, generator=self._answers()))

    def score_samples(self, X: Any) -> np.ndarray:
        """One number for each row, higher where the model finds it more typical; see the model's `score`."""
        rows = self._known(X)
        return _array(self.model_.score(rows, generator=self._answers()))

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of :meth:`score_samples`: what a search over settings makes large."""
        return float(self.score_samples(X).mean())

    def optimizer(self) -> Optimizer:
        """What moves the parameters."""
        return Optimizer(learning_rate=self.learning_rate, schedule="linear")

    def _per_unit(self, log_density: Tensor) -> np.ndarray:
        """A log-density of rescaled rows as one of rows in the units of X: less the sum of log scales."""
        return _array(log_density) - sum(math.log(scale) for _, scale in self.standards_)

    def _learn(self, model: Model, data: Dataset, seed: int) -> None:
        fit(
            model,
            data,
            objective=self.objective(),
            optimizer=self.optimizer(),
            epochs=self.epochs,
            validate_every=self.epochs,
            batch_size=min(self.batch_size, len(data.train)),
            seed=seed,
            mode=self.mode,
        )

    def _data(self, rows: Tensor) -> Dataset:
        watched = rows[:ONLY_TO_WATCH]
        return Dataset(rows, watched, watched, rows.shape[1:], self.support_, "X", missing=self.missing)

    def _rows(self, X: Any, *, reset: bool = False, gaps: bool = False) -> Tensor:
        nan = "allow-nan" if self.missing or gaps else True
        least = 2 if reset else 1
        found = validate_data(self, X, reset=reset, dtype=np.float64, ensure_all_finite=nan, ensure_min_samples=least)
        return torch.as_tensor(np.array(found))

    def _known(self, X: Any, *, gaps: bool = False) -> Tensor:
        check_is_fitted(self)
        return self._seen(self._rows(X, gaps=gaps))

    def _seen(self, rows: Tensor) -> Tensor:
        return self._inward(rows).double().to(devices.of(self.model_))

    def _standards(self, rows: Tensor) -> Standards:
        kinds = {self.support_} if isinstance(self.support_, str) else set(self.support_)
        return standards_of(rows, self.support_, "X") if self.standardise and "real" in kinds else ()

    def _inward(self, rows: Tensor) -> Tensor:
        """Rows as the model sees them; measured in float64, since a mean may be far larger than a spread."""
        if not self.standards_:
            return rows.float()
        mean, scale = torch.tensor(self.standards_, dtype=rows.dtype).T
        return ((rows - mean) / scale).float()

    def _outward(self, rows: Tensor) -> np.ndarray:
        values = _array(rows.flatten(1))
        if not self.standards_:
            return values
        mean, scale = np.array(self.standards_).T
        return values * scale + mean

    def _code_shape(self) -> tuple[int, ...]:
        return tuple(getattr(self.model_, "latent_shape", (self._n_features_out,)))

    def _answers(self) -> torch.Generator:
        generator = torch.Generator(device=devices.of(self.model_))
        generator.set_state(self._stream)
        return generator

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing
        return tags


def _support(rows: Tensor) -> str:
    known = rows[~rows.isnan()]
    return "binary" if bool(((known == 0) | (known == 1)).all()) else "real"


def _array(values: Tensor) -> np.ndarray:
    return values.detach().double().numpy(force=True)
