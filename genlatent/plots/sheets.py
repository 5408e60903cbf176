"""A sheet in space, and the plane that a code makes of it."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from genlatent.errors import DataError
from genlatent.plots.writing import plain


def sheet_and_codes(x: ArrayLike, codes: dict[str, ArrayLike], along: ArrayLike) -> Figure:
    """Points in space, and their codes of two values under each name, coloured by where on the sheet they lie.

    Args:
        x: `(n, 3)`.
        codes: by name, `(n, 2)`.
        along: `(n,)`, a coordinate of the sheet.
    """
    points, colour = np.asarray(x, dtype=np.float64), np.asarray(along, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or colour.shape != points.shape[:1]:
        raise DataError(f"points in space and a number for each are wanted, got {points.shape} and {colour.shape}")
    figure = Figure(figsize=(4.2 * (1 + len(codes)), 4.0), layout="constrained")
    space = figure.add_subplot(1, 1 + len(codes), 1, projection="3d")
    space.scatter(*points.T, c=colour, s=4, cmap="viridis")  # pyright: ignore[reportArgumentType]  (three coordinates)
    space.set_title("data", fontsize="medium")
    for number, (name, code) in enumerate(codes.items()):
        z = np.asarray(code, dtype=np.float64)
        if z.shape != (len(points), 2):
            raise DataError(f"codes of 2 values are wanted for {len(points)} rows, {name} has shape {z.shape}")
        axes = figure.add_subplot(1, 1 + len(codes), 2 + number)
        axes.scatter(*z.T, c=colour, s=4, cmap="viridis")
        plain(axes, title=name)
    return figure
