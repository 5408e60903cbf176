"""Annealed runs: what they weigh, and ln Z along the way from the base rates to the machine."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from genlatent.errors import DataError
from genlatent.plots.writing import COLOURS, new_axes, plain

FORWARD, REVERSE = COLOURS[0], COLOURS[1]


def work_histograms(
    forward: ArrayLike,
    reverse: ArrayLike,
    *,
    value: float | None = None,
    bins: int = 40,
    axes: Axes | None = None,
    title: str = "",
) -> Axes:
    r"""What each run alone says of ln Z; the two densities cross at ln Z, and must overlap for it to be known.

    Args:
        forward: :math:`\log Z_0 + \log w` of each forward run.
        reverse: :math:`\log Z_0 - \log w` of each reverse run.
        value: ln Z as it is quoted, a line.
        bins: over the range of both.
        axes: where to draw.
        title: of the figure.

    References:
        Entropy production fluctuation theorem and the nonequilibrium work relation for free energy differences
        (Crooks, 1999)
    """
    sides = [_runs(forward, 1), _runs(reverse, 1)]
    axes = axes or new_axes()
    both = np.concatenate(sides)
    edges = np.linspace(both.min(), max(both.max(), both.min() + 1e-6), bins + 1)
    for values, colour, name in zip(sides, (FORWARD, REVERSE), ("forward", "reverse")):
        density, _ = np.histogram(values, edges, density=True)
        axes.stairs(density, edges, color=colour, fill=True, alpha=0.5, label=name)
    if value is not None:
        axes.axvline(value, color="black", linewidth=1.0, linestyle="--", label=f"ln Z = {value:.2f}")
    axes.legend(frameon=False, fontsize="small")
    return plain(axes, x="ln Z by one run, nats", y="density", title=title or "weights of the runs")


def running_log_partition(
    positions: ArrayLike, forward: ArrayLike, reverse: ArrayLike, *, axes: Axes | None = None, title: str = ""
) -> Axes:
    r"""Difference of the two estimates of ln Z at each position: near 0 all along where both are right.

    Args:
        positions: from 0, the base rates, to 1, the machine.
        forward: :math:`\log Z_\lambda` by the forward runs.
        reverse: the same by the reverse runs.
        axes: where to draw.
        title: of the figure; the two values at the end by default.
    """
    x, up, down = (_runs(values, 1) for values in (positions, forward, reverse))
    if not len(x) == len(up) == len(down):
        raise DataError(f"positions and estimates go together, got {len(x)}, {len(up)} and {len(down)}")
    axes = axes or new_axes()
    axes.axhline(0, color="0.4", linewidth=0.8, linestyle=":")
    axes.plot(x, down - up, color=COLOURS[2], label="reverse less forward")
    axes.set_ylim(*_around_zero(down - up))
    axes.legend(frameon=False, fontsize="small", loc="upper left")
    right = axes.twinx()
    right.plot(x, up, color=FORWARD, linewidth=1.0)
    right.plot(x, down, color=REVERSE, linewidth=1.0, linestyle="--")
    right.set_ylabel("ln Z (blue forward, orange reverse)")
    right.spines[["top"]].set_visible(False)
    told = f"at the machine: {up[-1]:.2f} forward, {down[-1]:.2f} reverse"
    return plain(axes, x=r"position $\lambda$", y="difference in nats", title=title or told)


def _around_zero(values: np.ndarray) -> tuple[float, float]:
    widest = max(float(np.abs(values).max()) * 1.3, 0.1)
    return -widest, widest


def _runs(values: ArrayLike, axes: int) -> np.ndarray:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != axes or not found.size or not np.isfinite(found).all():
        raise DataError(f"finite log-weights are wanted, got shape {found.shape}")
    return found
