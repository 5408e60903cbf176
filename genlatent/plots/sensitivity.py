"""How codes and reconstructions answer to a change of their input."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from genlatent.errors import DataError
from genlatent.objectives.sparsity import bernoulli_divergence
from genlatent.plots.copying import loss_bars
from genlatent.plots.grids import as_images, image_grid
from genlatent.plots.writing import new_axes, plain, style


def robustness_bars(found: Sequence[Any]) -> Figure:
    """What noise does to codes and reconstructions, and the variance of the gradient, one panel each.

    Args:
        found: what `robustness` gives.
    """
    figure = Figure(figsize=(10.0, 3.6), layout="constrained")
    panels = {
        "code": "how far the code moves,\nshare of its variance",
        "reconstruction": "error of the reconstruction\nof noisy rows",
        "gradient": "variance of the gradient,\nshare of its squared length",
    }
    for axes, (field, y) in zip(figure.subplots(1, len(panels)), panels.items()):
        loss_bars(found, {field: field}, y=y, axes=axes)
    return figure


def spectra_lines(found: Sequence[Any], *, axes: Axes | None = None, title: str = "") -> Axes:
    """Mean singular values of the encoder's Jacobian, one line for each model; along and across go into the legend.

    Args:
        found: what `spectra` gives.
    """
    if not found:
        raise DataError("the spectrum of at least one model is wanted")
    axes = axes or new_axes()
    for number, one in enumerate(found):
        values = np.asarray(one.values, dtype=np.float64)
        label = f"{one.name}: {one.along:.2f} along, {one.across:.2f} across"
        axes.plot(range(1, len(values) + 1), values, marker=".", label=label, **style(number))  # pyright: ignore
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, fontsize="small")
    return plain(axes, x="singular value of the encoder's Jacobian", y="mean over rows", title=title)


def divergence_curves(rho: Sequence[float], *, axes: Axes | None = None, title: str = "") -> Axes:
    r"""The sparsity penalty :math:`\mathrm{KL}(\rho \,\|\, \hat\rho)` over the mean activation, for each rho."""
    if not rho or not all(0 < one < 1 for one in rho):
        raise DataError(f"every rho lies between 0 and 1, got {list(rho)}")
    at = torch.linspace(1e-3, 1 - 1e-3, 500)
    axes = axes or new_axes()
    for number, one in enumerate(rho):
        axes.plot(at, bernoulli_divergence(one, at), label=f"rho = {one:g}", **style(number))  # pyright: ignore[reportArgumentType]
    axes.set_ylim(0, 3)
    axes.legend(frameon=False)
    return plain(axes, x="mean activation", y="KL in nats", title=title)


def traversal_grid(rows: ArrayLike, share: ArrayLike, *, axes: Axes | None = None) -> Axes:
    """Images along principal directions of a code, one line for each, as `traversal` gives them.

    Args:
        rows: `(direction, step, *event)`.
        share: of the codes' variance, for each direction.
    """
    x, of = np.asarray(rows, dtype=np.float64), np.asarray(share, dtype=np.float64)
    if x.ndim < 3 or of.shape != x.shape[:1]:
        raise DataError(f"images (direction, step, *event) and a share for each direction, got {x.shape}, {of.shape}")
    images = np.moveaxis(as_images(x.reshape(-1, *x.shape[2:])), -1, 1)
    axes = image_grid(images, columns=x.shape[1], axes=axes, title="from the mean code along its principal directions")
    places = (np.arange(len(of)) + 0.5) / len(of)
    for place, value in zip(places, of):
        axes.text(-0.01, 1 - place, f"{value:.0%}", transform=axes.transAxes, ha="right", va="center", fontsize="small")
    return axes
