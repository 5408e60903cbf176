"""What a model makes of rows it is shown."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from genlatent.errors import DataError
from genlatent.plots.grids import as_images, image_grid


def reconstruction_rows(
    x: ArrayLike, reconstructions: ArrayLike, *, columns: int = 12, axes: Axes | None = None, title: str = ""
) -> Axes:
    """Pairs of lines: images above, their reconstructions below."""
    above, below = as_images(x), as_images(reconstructions)
    if above.shape != below.shape:
        raise DataError(f"images of shape {above.shape[1:]} cannot stand above reconstructions of {below.shape[1:]}")
    columns = min(columns, len(above))
    lines = []
    for start in range(0, len(above) - columns + 1, columns):
        lines += [above[start : start + columns], below[start : start + columns]]
    return image_grid(np.moveaxis(np.concatenate(lines), -1, 1), columns=columns, axes=axes, title=title)
