"""Images in rows and columns."""

import math

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from genlatent.errors import DataError
from genlatent.plots.writing import new_axes

GAP = 1  # pixels between two images
PAPER = 0.5  # what lies between them, halfway from black to white


def image_grid(images: ArrayLike, *, columns: int | None = None, axes: Axes | None = None, title: str = "") -> Axes:
    """Images `(n, channels, height, width)`, `(n, height, width)` or square rows `(n, pixels)` on one pair of axes.

    Values are shown from black (0) to white (1), without smoothing; NaN, a missing value, is shown as paper.
    """
    tiles = as_images(images)
    canvas = tiled(tiles, columns or math.ceil(math.sqrt(len(tiles))))
    if axes is None:
        height, width = canvas.shape[:2]
        axes = new_axes(6.0, 6.0 * height / width + (0.4 if title else 0.0))
    shown = canvas[..., 0] if canvas.shape[-1] == 1 else canvas
    axes.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(title, fontsize="medium")
    return axes


def as_images(values: ArrayLike) -> np.ndarray:
    """The same values as `(n, height, width, channels)`, channels 1 or 3.

    >>> as_images(np.zeros((5, 64))).shape, as_images(np.zeros((5, 3, 8, 6))).shape
    ((5, 8, 8, 1), (5, 8, 6, 3))
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim == 2:
        side = math.isqrt(x.shape[1])
        if side * side != x.shape[1]:
            raise DataError(f"rows of {x.shape[1]} values are no square images; reshape them to (n, height, width)")
        x = x.reshape(-1, side, side)
    if x.ndim == 3:
        x = x[:, None]
    if x.ndim != 4 or x.shape[1] not in (1, 3) or not len(x):
        raise DataError(f"values of shape {np.shape(values)} are no images: 1 or 3 channels, height, width")
    return np.moveaxis(x, 1, -1)


def tiled(tiles: np.ndarray, columns: int) -> np.ndarray:
    """One picture `(height, width, channels)` of all tiles, row by row, with a gap around each.

    >>> tiled(np.ones((3, 2, 2, 1)), columns=2).shape
    (7, 7, 1)
    """
    number, height, width, channels = tiles.shape
    rows = -(-number // columns)
    canvas = np.full((GAP + rows * (height + GAP), GAP + columns * (width + GAP), channels), PAPER)
    for i, tile in enumerate(tiles):
        top, left = GAP + i // columns * (height + GAP), GAP + i % columns * (width + GAP)
        canvas[top : top + height, left : left + width] = np.where(np.isnan(tile), PAPER, tile.clip(0, 1))
    return canvas
