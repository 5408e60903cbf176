"""What Markov chains did: one number for each chain and draw (an energy, say), seen from three sides."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from genlatent.errors import DataError
from genlatent.plots.writing import COLOURS, new_axes, plain, style


def trace_lines(draws: ArrayLike, *, name: str = "energy", axes: Axes | None = None, title: str = "") -> Axes:
    """The value of each chain over its draws; chains that agree lie over one another."""
    values = _chains(draws)
    axes = axes or new_axes()
    for number, chain in enumerate(values):
        axes.plot(chain, linewidth=0.8, alpha=0.8, color=COLOURS[number % len(COLOURS)])
    return plain(axes, x="draw", y=name, title=title or f"{len(values)} chains")


def rank_bars(draws: ArrayLike, *, bins: int = 20, axes: Axes | None = None, title: str = "") -> Axes:
    r"""How the draws of each chain rank among all draws; equal bars mean that all chains explore the same values.

    References:
        Rank-normalization, folding, and localization: an improved R-hat (Vehtari et al., 2021)
    """
    values = _chains(draws)
    axes = axes or new_axes()
    edges = np.linspace(0, values.size, bins + 1)
    expected = values.shape[1] / bins
    for number, chain in enumerate(ranks(values)):
        counts, _ = np.histogram(chain, edges)
        axes.stairs(number + counts / expected / 2, edges, baseline=number, fill=True, color=style(number)["color"])
        axes.axhline(number + 0.5, color="0.4", linewidth=0.6, linestyle=":")
    axes.set_yticks(range(len(values)))
    return plain(axes, x="rank among all draws", y="chain", title=title or "rank histograms (dotted: equal shares)")


def autocorrelations(draws: ArrayLike, *, lags: int = 40, axes: Axes | None = None, title: str = "") -> Axes:
    r"""Correlation of a draw with the one `lag` draws later, :math:`\rho_l`, the mean over chains.

    Chains whose values never change are perfectly correlated with themselves.
    """
    values = _chains(draws)
    axes = axes or new_axes()
    rho = autocorrelation(values, min(lags, values.shape[1] - 1))
    axes.bar(range(len(rho)), rho, width=0.7, color=COLOURS[0])
    axes.axhline(0, color="0.4", linewidth=0.6)
    return plain(axes, x="lag in draws", y="autocorrelation", title=title)


def chain_panels(draws: ArrayLike, *, name: str = "energy") -> Figure:
    """The same chains from all three sides, next to each other."""
    figure = Figure(figsize=(12, 3.4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    trace_lines(draws, name=name, axes=left)
    rank_bars(draws, axes=middle)
    autocorrelations(draws, axes=right)
    return figure


def ranks(values: np.ndarray) -> np.ndarray:
    """Rank of each value among all, from 0; equal values, of which discrete chains are full, in a random order.

    The order is always the same one; that of appearance would rank the first chain below the others.

    >>> ranks(np.array([[0.1, 0.9], [0.5, 0.3]])).tolist()
    [[0, 3], [2, 1]]
    """
    order = np.lexsort((np.random.default_rng(0).random(values.size), values.ravel()))
    return order.argsort(kind="stable").reshape(values.shape)


def autocorrelation(values: np.ndarray, lags: int) -> np.ndarray:
    r"""Mean over chains of :math:`\rho_l = \sum_t \tilde x_t \tilde x_{t+l} / \sum_t \tilde x_t^2`, centred by all.

    >>> autocorrelation(np.tile([1.0, -1.0], 50)[None], 1).round(2).tolist()
    [1.0, -0.99]
    """
    centred = values - values.mean()
    power = (centred**2).sum()
    if power == 0:
        return np.ones(lags + 1)
    length = values.shape[1]
    return np.array([(centred[:, : length - lag] * centred[:, lag:]).sum() / power for lag in range(lags + 1)])


def _chains(draws: ArrayLike) -> np.ndarray:
    values = np.asarray(draws, dtype=np.float64)
    if values.ndim != 2 or values.size == 0:
        raise DataError(f"chains of one number are wanted, shaped (chain, draw), got {values.shape}")
    if not np.isfinite(values).all():
        raise DataError("the chains hold values that are not finite, so there is nothing to draw")
    return values
