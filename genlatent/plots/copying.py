"""What autoencoders lose: bars by the name of what holds them back, and codes of every size."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import ArrayLike

from genlatent.errors import DataError
from genlatent.plots.grids import as_images, image_grid
from genlatent.plots.writing import COLOURS, new_axes, plain, style

SHARE = "squared error, share of the variance"


def loss_bars(
    found: Sequence[Any], fields: dict[str, str], *, y: str = SHARE, axes: Axes | None = None, title: str = ""
) -> Axes:
    """A group of bars for each record, named after it, with its value on top.

    Args:
        found: records with a `name`, such as `compressibility`, `overcomplete_codes` or `one_unit_codes` give.
        fields: which of their numbers are drawn, and what each is called.
        y: what the numbers are.
    """
    values = np.array([[float(getattr(record, field)) for field in fields] for record in found])
    if not values.size or not np.isfinite(values).all():
        raise DataError("bars want at least one record, and finite numbers in it")
    axes = axes or new_axes(max(5.0, 1.25 * len(found) + 1.5), 3.8)
    width = 0.8 / len(fields)
    for number, (label, column) in enumerate(zip(fields.values(), values.T)):
        at = np.arange(len(found)) + (number - (len(fields) - 1) / 2) * width
        bars = axes.bar(at, column, 0.92 * width, label=label, color=COLOURS[number])
        axes.bar_label(bars, [f"{value:.2g}" for value in column], fontsize="small", padding=1)
    axes.set_xticks(range(len(found)), [record.name for record in found])
    if len(fields) > 1:
        axes.legend(frameon=False, fontsize="small", loc="upper center", ncols=len(fields), bbox_to_anchor=(0.5, 1.12))
        title = f"{title}\n" if title else ""
    axes.margins(y=0.1)
    return plain(axes, y=y, title=title)


def code_size_rows(x: ArrayLike, found: Sequence[Any]) -> Figure:
    """Rows of images, and under them what is left of them after codes of fewer and fewer units.

    Args:
        x: the images, as many as each of the others.
        found: what `compressed` gives.
    """
    if not found:
        raise DataError("codes of at least one size are wanted")
    lines = [("original", x), *((f"{one.units}\n{one.lost:.1%}", one.reconstructions) for one in found)]
    figure = labelled_lines(lines)
    figure.suptitle("units of the code, and the share of the variance that is lost", fontsize="medium")
    return figure


def labelled_lines(lines: Sequence[tuple[str, ArrayLike]]) -> Figure:
    """Images in lines, each with its name before it."""
    shown = [np.moveaxis(as_images(images), -1, 1) for _, images in lines]
    columns = len(shown[0])
    figure = Figure(figsize=(0.66 * columns + 1.5, 0.7 * len(lines) + 0.3), layout="constrained")
    for axes, (name, _), images in zip(figure.subplots(len(lines), 1), lines, shown):
        image_grid(images, columns=columns, axes=axes)
        axes.set_anchor("E")
        axes.text(-0.01, 0.5, name, transform=axes.transAxes, ha="right", va="center", fontsize="small")
    return figure


def denoising_curves(found: Sequence[Any], *, axes: Axes | None = None, title: str = "") -> Axes:
    """Error of denoised rows against the noise, one line for each size of the code, below that of the noisy rows.

    Args:
        found: what `denoised` gives.
    """
    if not found:
        raise DataError("at least one denoised set of rows is wanted")
    axes = axes or new_axes()
    sizes = list(dict.fromkeys(one.units for one in found))
    for number, units in enumerate(sizes):
        points = sorted((one.noise, one.after) for one in found if one.units == units)
        axes.plot(*zip(*points), marker="o", label=f"{units} units", **style(number))  # pyright: ignore[reportArgumentType]
    before = sorted({(one.noise, one.before) for one in found if one.units == sizes[0]})
    axes.plot(*zip(*before), color="0.5", marker="s", label="not denoised")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.legend(frameon=False, fontsize="small")
    return plain(axes, x="standard deviation of the noise", y=SHARE, title=title)


def noise_rows(found: Sequence[Any], units: int) -> Figure:
    """Images under more and more noise, and under each line what a code of so many units makes of it.

    Args:
        found: what `denoised` gives.
        units: of the code.
    """
    chosen = [one for one in found if one.units == units]
    if not chosen:
        raise DataError(f"no denoised rows of {units} units; there are {sorted({one.units for one in found})}")
    lines = []
    for one in chosen:
        lines += [(f"noise {one.noise:g}", one.rows), (f"{one.before:.2f} to {one.after:.2f}", one.denoised)]
    return labelled_lines(lines)


def denoiser_rows(found: Sequence[Any]) -> Figure:
    """Noisy images, and under them what each model makes of them.

    Args:
        found: what `convolutional_and_dense` gives, one seed of it.
    """
    if not found:
        raise DataError("at least one denoiser is wanted")
    lines = [("noisy", found[0].noisy)]
    lines += [(f"{one.name}\n{one.parameters} weights\nerror {one.lost:.3f}", one.denoised) for one in found]
    return labelled_lines(lines)
