"""Decoded walks through the space of codes."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from genlatent.errors import DataError
from genlatent.plots.grids import GAP, as_images, image_grid


def traversal_grid(means: ArrayLike, *, names: Sequence[str] = (), axes: Axes | None = None, title: str = "") -> Axes:
    """One line of images for each walk, from its start on the left to its end on the right.

    Args:
        means: `(walk, step, *event)`, as `traversals` and `interpolations` give them.
        names: of the walks, beside their lines.
        axes: where to draw.
        title: of the figure.
    """
    x = np.asarray(means, dtype=np.float64)
    if x.ndim < 3 or not x.shape[0] or not x.shape[1]:
        raise DataError(f"decoded walks are wanted, shaped (walk, step, *event), got {x.shape}")
    if names and len(names) != len(x):
        raise DataError(f"{len(names)} names were given for {len(x)} walks")
    images = np.moveaxis(as_images(x.reshape(-1, *x.shape[2:])), -1, 1)
    axes = image_grid(images, columns=x.shape[1], axes=axes, title=title)
    height = images.shape[2] + GAP
    for number, name in enumerate(names):
        axes.text(-1.0, GAP + number * height + images.shape[2] / 2, name, ha="right", va="center", fontsize="small")
    return axes


def interpolation_rows(
    first: ArrayLike, means: ArrayLike, second: ArrayLike, *, axes: Axes | None = None, title: str = ""
) -> Axes:
    """Lines of images from one row of the data to another, the rows themselves at the ends.

    Args:
        first: `(row, *event)`.
        means: `(row, step, *event)`, as `interpolations` gives them.
        second: `(row, *event)`.
        axes: where to draw.
        title: of the figure.
    """
    a, between, b = (np.asarray(values, dtype=np.float64) for values in (first, means, second))
    if between.ndim < 3 or not a.shape == b.shape == (len(between), *between.shape[2:]):
        raise DataError(f"a row at either end of each walk is wanted, got {a.shape}, {between.shape} and {b.shape}")
    return traversal_grid(np.concatenate([a[:, None], between, b[:, None]], 1), axes=axes, title=title)
