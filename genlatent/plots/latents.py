"""What a latent code holds, dimension by dimension or over the plane."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from genlatent.errors import DataError
from genlatent.objectives.collapse import ACTIVE
from genlatent.plots.grids import as_images, image_grid
from genlatent.plots.writing import COLOURS, new_axes, plain

IDLE = "0.75"
LEAST = 1e-5  # smallest variance drawn


def divergence_bars(
    divergence: ArrayLike, variance: ArrayLike | None = None, *, axes: Axes | None = None, title: str = ""
) -> Axes:
    """KL of each latent dimension, largest first; with the variances, what makes a dimension active.

    Args:
        divergence: mean KL of each dimension, in nats.
        variance: variance of each dimension's posterior mean over rows; both as `latent_use` gives them.
    """
    values = np.asarray(divergence, dtype=np.float64)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise DataError(f"one finite KL for each latent dimension is wanted, got shape {values.shape}")
    order = np.argsort(-values)
    axes = axes or new_axes()
    spread = None if variance is None else np.asarray(variance, dtype=np.float64)[order]
    used = np.ones(len(values), bool) if spread is None else spread > ACTIVE
    axes.bar(range(len(values)), values[order], width=0.75, color=[COLOURS[4] if on else IDLE for on in used])
    axes.set_ylim(min(0.0, 1.05 * values.min()), max(1.05 * values.max(), 1e-3))
    axes.set_xticks(range(len(values)), [str(j) for j in order], fontsize="small" if len(values) <= 24 else 5)
    plain(axes, x="latent dimension", y="KL in nats", title=title or f"{values.sum():.2f} nats in all")
    if spread is not None:
        _threshold(axes, spread)
    return axes


def _threshold(axes: Axes, spread: np.ndarray) -> None:
    """Variances as dots on an axis of their own, and the line above which they count."""
    right = axes.twinx()
    right.set_yscale("log")
    right.set_ylim(LEAST / 2, max(3.0, 2 * spread.max()))
    right.plot(range(len(spread)), np.maximum(spread, LEAST), "o", color=COLOURS[6], markersize=4)
    right.axhline(ACTIVE, color=COLOURS[5], linewidth=1.0, linestyle="--")
    right.set_ylabel(f"variance of the posterior mean (dots); {(spread > ACTIVE).sum()} active")
    right.spines[["top"]].set_visible(False)


def code_scatters(kinds: Sequence[Any], labels: ArrayLike | None = None) -> Figure:
    """Two-dimensional codes of held-out rows, one pair of axes for each kind; the circle holds 95 % of N(0, I).

    Args:
        kinds: what `kinds_of_codes` gives.
        labels: class of each row, shown as its colour.
    """
    figure = Figure(figsize=(3.6 * len(kinds), 3.9), layout="constrained")
    for axes, kind in zip(np.atleast_1d(figure.subplots(1, len(kinds))), kinds):
        codes = np.asarray(kind.codes, dtype=np.float64)
        if codes.shape[1] != 2:
            raise DataError(f"codes of 2 values are wanted, got {codes.shape[1]}")
        colours = {"color": COLOURS[0]} if labels is None else {"c": np.asarray(labels), "cmap": "tab10"}
        axes.scatter(codes[:, 0], codes[:, 1], s=6, **colours)  # pyright: ignore[reportArgumentType]
        angle = np.linspace(0, 2 * np.pi, 200)
        axes.plot(2.45 * np.cos(angle), 2.45 * np.sin(angle), color="0.3", linewidth=0.8, linestyle="--")
        axes.set_aspect("equal", adjustable="datalim")
        plain(axes, title=f"{kind.name}\nreconstruction {kind.reconstruction:.1f} nats")
    return figure


def manifold_grid(means: ArrayLike, *, axes: Axes | None = None, title: str = "") -> Axes:
    """Decoded images over the plane of two latents, as `manifold` gives them: `(row, column, *event)`."""
    x = np.asarray(means, dtype=np.float64)
    if x.ndim < 3 or x.shape[0] != x.shape[1]:
        raise DataError(f"a square of decoded images is wanted, shaped (row, column, *event), got {x.shape}")
    images = np.moveaxis(as_images(x.reshape(-1, *x.shape[2:])), -1, 1)
    return image_grid(images, columns=x.shape[1], axes=axes, title=title)
