"""What units look for: their incoming weights as images."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from genlatent.errors import DataError
from genlatent.plots.grids import as_images, image_grid


def filter_grid(weights: ArrayLike, *, columns: int | None = None, axes: Axes | None = None, title: str = "") -> Axes:
    """Filters `(n, pixels)` or `(n, [channels,] height, width)`, each on its own scale: 0 is grey, above is white."""
    images = np.moveaxis(as_images(weights), -1, 1)
    if not np.isfinite(images).all():
        raise DataError("filters with values that are not finite cannot be drawn")
    largest = np.abs(images).reshape(len(images), -1).max(1).clip(min=1e-12)
    scaled = 0.5 + 0.5 * images / largest[:, None, None, None]
    return image_grid(scaled, columns=columns, axes=axes, title=title)


def filter_panels(filters: Mapping[str, ArrayLike], *, num: int = 36, columns: int = 6) -> Figure:
    """The first `num` filters of several models side by side, each with its name."""
    if not filters:
        raise DataError("filters of at least one model are wanted")
    figure = Figure(figsize=(3.0 * len(filters), 3.3), layout="constrained")
    for axes, (name, weights) in zip(np.atleast_1d(figure.subplots(1, len(filters))), filters.items()):
        filter_grid(np.asarray(weights)[:num], columns=columns, axes=axes, title=name)
    return figure
