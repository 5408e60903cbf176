"""Vectors over the plane."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from genlatent.errors import DataError
from genlatent.plots.writing import COLOURS, new_axes, plain


def vector_field(
    points: ArrayLike, vectors: ArrayLike, data: ArrayLike | None = None, *, axes: Axes | None = None, title: str = ""
) -> Axes:
    """Arrows at points of the plane, as `denoising_field` gives them, in the data's own units, over rows of the data.

    Args:
        points: `(n, 2)`, where the arrows start.
        vectors: `(n, 2)`, how far they reach.
        data: `(m, 2)`, drawn behind them.
    """
    at, along = (np.asarray(values, dtype=np.float64) for values in (points, vectors))
    if at.ndim != 2 or at.shape[1] != 2 or at.shape != along.shape:
        raise DataError(f"as many vectors as points of the plane are wanted, got shapes {at.shape} and {along.shape}")
    axes = axes or new_axes(6.0, 6.0)
    if data is not None:
        axes.scatter(*np.asarray(data, dtype=np.float64).T, s=5, color=COLOURS[1], alpha=0.5, linewidths=0)
    axes.quiver(*at.T, *along.T, angles="xy", scale_units="xy", scale=1, width=0.0025, color=COLOURS[0])
    axes.set_xlim(at[:, 0].min(), at[:, 0].max())
    axes.set_ylim(at[:, 1].min(), at[:, 1].max())
    axes.set_aspect("equal")
    return plain(axes, title=title)
