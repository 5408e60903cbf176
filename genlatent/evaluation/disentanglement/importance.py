"""Disentanglement, completeness and informativeness: three scores from how much each dimension helps to predict."""

from typing import NamedTuple

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from genlatent.evaluation.disentanglement.information import Codes, Factors, check

TREES = 50
DEPTH = 12
ROWS = 4000  # that the forests learn from, at most


class DCI(NamedTuple):
    """Each between 0 and 1, 1 being best."""

    disentanglement: float
    completeness: float
    informativeness: float


def dci(codes: Codes, factors: Factors, *, seed: int = 0) -> DCI:
    r"""One forest for each factor; its importances :math:`R_{jk}` say which dimensions it needed.

    .. math::

        D = \sum_j \rho_j \, (1 - H_K(R_{j \cdot})), \qquad
        C = \frac{1}{K} \sum_k (1 - H_J(R_{\cdot k})), \qquad
        \rho_j \propto \sum_k R_{jk}

    with entropies in units of their maximum. Informativeness is the forests' accuracy on the other half of the rows.

    References:
        A framework for the quantitative evaluation of disentangled representations (Eastwood and Williams, 2018)
    """
    check(codes, factors)
    z, v = codes.numpy(force=True), factors.numpy(force=True)
    half = len(z) // 2
    learn = slice(0, min(half, ROWS))
    forests = [_forest(seed).fit(z[learn], column[learn]) for column in v.T]
    accuracy = [forest.score(z[half:], column[half:]) for forest, column in zip(forests, v.T)]
    table = np.stack([forest.feature_importances_ for forest in forests], axis=1)
    return DCI(disentanglement_of(table), completeness_of(table), float(np.mean(accuracy)))


def disentanglement_of(table: np.ndarray) -> float:
    """Weighted mean over dimensions, from importances `(latent, factor)`.

    >>> disentanglement_of(np.eye(3)), disentanglement_of(np.ones((3, 3)))
    (1.0, 0.0)
    """
    weight = table.sum(1) / table.sum()
    return float((weight * _purity(table)).sum())


def completeness_of(table: np.ndarray) -> float:
    """Mean over factors, from importances `(latent, factor)`."""
    return float(_purity(table.T).mean())


def _purity(table: np.ndarray) -> np.ndarray:
    """1 minus the entropy of each row in units of its maximum; rows of zeros are pure noise."""
    total = table.sum(1, keepdims=True)
    share = np.divide(table, total, out=np.full(table.shape, 1 / table.shape[1]), where=total > 0)
    logs = np.log(np.where(share > 0, share, 1.0))
    return (
        np.round(1 + (share * logs).sum(1) / np.log(table.shape[1]), 12) if table.shape[1] > 1 else np.ones(len(table))
    )


def _forest(seed: int) -> RandomForestClassifier:
    return RandomForestClassifier(TREES, max_depth=DEPTH, max_features=1.0, random_state=seed, n_jobs=1)  # pyright: ignore[reportArgumentType]
