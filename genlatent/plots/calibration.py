"""Whether what is said with a probability happens as often."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike
from scipy import stats

from genlatent.errors import DataError
from genlatent.plots.writing import COLOURS, new_axes, plain

Z_95 = 1.959964
SHADE = "0.88"


def reliability(
    probabilities: ArrayLike, happened: ArrayLike, *, bins: int = 10, axes: Axes | None = None, title: str = ""
) -> Axes:
    """How often things happened that were foretold with a probability, with Wilson's 95 % intervals; best on the line.

    Args:
        probabilities: one for each event: a pixel that is white, a class that is named.
        happened: 1 where it was so, 0 where not.
        bins: equally wide.
        axes: where to draw.
        title: of the figure; the expected calibration error by default.

    References:
        On calibration of modern neural networks (Guo et al., 2017)
    """
    p, y = (np.asarray(values, dtype=np.float64).ravel() for values in (probabilities, happened))
    if p.shape != y.shape or not p.size or not ((p >= 0) & (p <= 1) & ((y == 0) | (y == 1))).all():
        raise DataError("probabilities between 0 and 1 are wanted, and for each of them a 0 or a 1")
    cell = np.minimum((p * bins).astype(int), bins - 1)
    count, said, hits = (np.bincount(cell, weights, bins) for weights in (None, p, y))
    seen = count > 0
    n, said, share = count[seen], said[seen] / count[seen], hits[seen] / count[seen]
    low, high = wilson(share, n)
    error = float((n * np.abs(share - said)).sum() / n.sum())
    axes = axes or new_axes(5.0, 5.0)
    axes.plot([0, 1], [0, 1], color="0.4", linewidth=0.8, linestyle=":")
    axes.errorbar(said, share, yerr=[share - low, high - share], fmt="o", color=COLOURS[0], capsize=2, markersize=5)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    return plain(axes, x="probability", y="share that happened", title=title or f"calibration error {error:.3f}")


def wilson(share: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where shares of n lie with 95 % confidence, which holds the share itself.

    >>> [side.round(3).tolist() for side in wilson(np.array([0.5]), np.array([100]))]
    [[0.404], [0.596]]
    """
    z2 = Z_95**2
    centre = (share * n + z2 / 2) / (n + z2)
    half = Z_95 / (n + z2) * np.sqrt(n * share * (1 - share) + z2 / 4)
    return np.minimum((centre - half).clip(0), share), np.maximum((centre + half).clip(max=1), share)


def rank_histograms(counts: ArrayLike, *, axes: Axes | None = None, title: str = "") -> Axes:
    """How often codes that made a row have each rank among the guide's draws, a line for each value of the code.

    Shaded is where 99 % of even histograms lie, bin by bin. A hill says that the guide is too wide, a valley that it is
    too narrow, a slope that it is shifted.

    Args:
        counts: `(latent, bin)`, as `Ranks.histogram` of :mod:`genlatent.evaluation.calibration` gives them.
        axes: where to draw.
        title: of the figure.

    References:
        Validating Bayesian inference algorithms with simulation-based calibration (Talts et al., 2018)
    """
    values = np.atleast_2d(np.asarray(counts, dtype=np.float64))
    rows = values.sum(-1)
    if values.ndim != 2 or not values.size or not np.isfinite(values).all() or not (rows == rows[0]).all():
        raise DataError(f"counts of as many ranks for each value of a code are wanted, got shape {values.shape}")
    bins = values.shape[1]
    axes = axes or new_axes()
    low, high = stats.binom.ppf([0.005, 0.995], int(rows[0]), 1 / bins)
    edges = np.linspace(0, 1, bins + 1)
    axes.axhspan(low, high, color=SHADE, linewidth=0)
    for number, line in enumerate(values):
        axes.stairs(line, edges, color=COLOURS[number % len(COLOURS)], linewidth=1.1)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, max(1.15 * values.max(), 1.3 * high))
    return plain(
        axes, x="rank among the draws, as a share", y="rows", title=title or f"{len(values)} values of the code"
    )
