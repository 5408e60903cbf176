"""Ladders of parallel tempering: swap rates, the energies that each rung visits, and how states travel."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from numpy.typing import ArrayLike

from genlatent.errors import DataError
from genlatent.plots.writing import COLOURS, new_axes, plain

SELDOM = 0.1  # swap rate below which a gap is too wide; its bar stands out


def swap_rates(
    rates: ArrayLike, *, round_trips: float | None = None, axes: Axes | None = None, title: str = ""
) -> Axes:
    r"""Mean swap probability of neighbouring rungs, hottest first; equal bars mean that the ladder is well spaced.

    Args:
        rates: of each gap.
        round_trips: of all chains together, for the title.
        axes: where to draw.
        title: instead of the barrier :math:`\Lambda = \sum_r (1 - rate_r)` and the round trips.
    """
    values = _finite(rates, 1)
    axes = axes or new_axes()
    colours = [COLOURS[5] if rate < SELDOM else COLOURS[0] for rate in values]
    axes.bar(np.arange(len(values)) + 0.5, values, width=0.8, color=colours)
    axes.axhline(values.mean(), color="0.4", linewidth=0.8, linestyle=":")
    axes.set_ylim(0, 1)
    axes.set_xlim(0, len(values))
    told = "" if round_trips is None else f", {round_trips:.0f} round trips"
    return plain(axes, x="rung", y="swap rate", title=title or f"barrier {(1 - values).sum():.2f}{told}")


def replica_flow(flow: ArrayLike, *, axes: Axes | None = None, title: str = "") -> Axes:
    """Share of each rung's visitors that come from the hottest one; dotted, the straight line of the best ladder.

    References:
        Feedback-optimized parallel tempering Monte Carlo (Katzgraber et al., 2006)
    """
    values = _finite(flow, 1)
    axes = axes or new_axes()
    axes.plot(np.linspace(1, 0, len(values)), color="0.4", linewidth=0.8, linestyle=":")
    axes.plot(values, "o-", color=COLOURS[0], markersize=4)
    return plain(axes, x="rung", y="share from the hottest", title=title or "flow of replicas")


def replica_paths(heading: ArrayLike, *, axes: Axes | None = None, title: str = "") -> Axes:
    """Where the replicas of one chain came from, rung by rung over the draws: stripes from end to end are round trips.

    Args:
        heading: `(draw, rung)`: 1 where the replica last saw the hottest rung, -1 the coldest, 0 neither.
        axes: where to draw.
        title: of the figure.
    """
    values = _finite(heading, 2)
    axes = axes or new_axes()
    colours = ListedColormap([COLOURS[0], "0.9", COLOURS[1]])
    axes.imshow(values.T, cmap=colours, vmin=-1, vmax=1, aspect="auto", interpolation="nearest", origin="upper")
    plain(axes, x="draw", y="rung", title=title or "last seen: hottest rung (orange), coldest (blue)")
    axes.grid(False)
    return axes


def energy_histograms(
    energies: ArrayLike, names: list[str] | None = None, *, bins: int = 60, axes: Axes | None = None, title: str = ""
) -> Axes:
    """The energies that each rung visits; neighbours that hardly overlap hardly swap.

    Args:
        energies: `(draw, rung)`.
        names: of the rungs, for the legend: those of the first and the last are shown.
        bins: over the range of all of them.
        axes: where to draw.
        title: of the figure.
    """
    values = _finite(energies, 2)
    axes = axes or new_axes()
    edges = np.linspace(values.min(), max(values.max(), values.min() + 1e-6), bins + 1)
    shades = np.linspace(0, 1, values.shape[1])
    names = names or [f"rung {number}" for number in range(values.shape[1])]
    hot, cold = np.array([0.90, 0.62, 0.0]), np.array([0.0, 0.45, 0.70])
    for number, (column, shade) in enumerate(zip(values.T, shades)):
        density, _ = np.histogram(column, edges, density=True)
        colour = tuple((1 - shade) * hot + shade * cold)
        label = names[number] if number in (0, values.shape[1] - 1) else None
        axes.stairs(density, edges, color=colour, linewidth=1.1, label=label)
    axes.legend(frameon=False, fontsize="small")
    return plain(axes, x="energy in nats", y="density", title=title or f"energies on {values.shape[1]} rungs")


def _finite(values: ArrayLike, axes: int) -> np.ndarray:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != axes or not found.size or not np.isfinite(found).all():
        raise DataError(f"finite numbers with {axes} axes are wanted of a ladder, got shape {found.shape}")
    return found
