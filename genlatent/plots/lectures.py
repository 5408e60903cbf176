"""Figures of what lectures on latent-variable models show; the numbers come from `evaluation.lectures`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from genlatent.errors import DataError
from genlatent.plots.writing import COLOURS, new_axes, plain, style


def gradient_variances(
    dimensions: Sequence[int], variances: ArrayLike, *, axes: Axes | None = None, title: str = ""
) -> Axes:
    """Variance of the pathwise and of the score-function gradient against the number of latents, on logarithmic axes.

    Args:
        variances: `(sizes, 2)`, as `noise_by_dimension` gives them.
    """
    values = np.asarray(variances, dtype=np.float64)
    if values.shape != (len(dimensions), 2):
        raise DataError(f"two variances for each of {len(dimensions)} sizes are wanted, got shape {values.shape}")
    axes = axes or new_axes()
    for number, name in enumerate(("pathwise", "score function")):
        axes.plot(dimensions, values[:, number], label=name, marker="o", **style(number))  # pyright: ignore
    axes.set(xscale="log", yscale="log")
    axes.legend(frameon=False)
    return plain(axes, x="latent dimensions", y="variance of one draw's gradient", title=title)


def two_divergences(fits: Any, *, axes: Axes | None = None, title: str = "") -> Axes:
    """A density with the normals nearest to it by forward and by reverse divergence, as `nearest_normals` gives."""
    axes = axes or new_axes()
    axes.fill_between(fits.grid, fits.target, color="0.85", label="p")
    for number, (name, found, value) in enumerate(
        (
            ("KL(p | q)", fits.forward, fits.forward_divergence),
            ("KL(q | p)", fits.reverse, fits.reverse_divergence),
        )
    ):
        axes.plot(fits.grid, fits.density(found), label=f"q of least {name}: {value:.2f} nats", **style(number))  # pyright: ignore
    shown = np.asarray(fits.grid)[np.asarray(fits.target) > 1e-4]
    axes.set_xlim(shown.min() - 1, shown.max() + 1)
    axes.legend(frameon=False, fontsize="small")
    return plain(axes, x="z", y="density", title=title)


def inference_gaps(gaps: Any, *, axes: Axes | None = None, title: str = "") -> Axes:
    """Per row, what a q of its own gains over the encoder's, and what is left to log p(x); largest first."""
    axes = axes or new_axes()
    lower = np.asarray(gaps.amortisation, dtype=np.float64)
    upper = np.asarray(gaps.approximation, dtype=np.float64)
    order = np.argsort(-lower)
    place = np.arange(len(order))
    axes.bar(place, lower[order], width=1.0, color=COLOURS[0], label=f"amortisation: {lower.mean():.2f} nats a row")
    name = f"approximation: {upper.mean():.2f} nats a row"
    axes.bar(place, upper[order], width=1.0, bottom=lower[order], color=COLOURS[1], label=name)
    axes.legend(frameon=False)
    return plain(axes, x="row", y="nats below log p(x)", title=title)


def rate_distortion_curve(points: Sequence[Any], *, title: str = "") -> Figure:
    """Distortion against rate, and what beta does to the code; lines of equal bound are dotted.

    A third pair of axes shows the mutual information gap where the factors of the data are known.
    """
    if len(points) < 2:
        raise DataError("a curve needs models of at least two betas")
    gaps = [point.information_gap for point in points if point.information_gap is not None]
    panels = 3 if len(gaps) == len(points) else 2
    figure = Figure(figsize=(4.5 * panels, 4.0), layout="constrained")
    left, right, *third = figure.subplots(1, panels)
    rate, distortion = (np.array([getattr(p, name) for p in points]) for name in ("rate", "distortion"))
    left.plot(rate, distortion, marker="o", **style(0))
    for point in points:
        place = (point.rate, point.distortion)
        left.annotate(f"beta {point.beta:g}", place, xytext=(6, 4), textcoords="offset points", fontsize="small")
    ends = np.array([0.0, rate.max() * 1.15])
    best = min(rate + distortion)
    left.plot(ends, best - ends, color="0.4", linewidth=0.8, linestyle=":")
    left.set_ylim(0, distortion.max() * 1.1)
    plain(left, x="rate: KL in nats", y="distortion in nats", title=title or f"dotted: bound {-best:.2f} nats")
    betas = [point.beta for point in points]
    for number, name in enumerate(("active_units", "total_correlation")):
        values = [getattr(point, name) for point in points]
        right.plot(betas, values, label=name.replace("_", " "), marker="o", **style(number))
    _at(right, betas)
    right.legend(frameon=False)
    plain(right, x="beta", title="the code, held out")
    for axes in third:
        axes.plot(betas, gaps, marker="o", **style(2))
        axes.set(ylim=(0, max(1e-3, *gaps) * 1.15))
        _at(axes, betas)
        plain(axes, x="beta", y="mutual information gap", title="one dimension for one factor, held out")
    return figure


def _at(axes: Axes, values: Sequence[float]) -> None:
    """A logarithmic axis with a tick at each value and none between."""
    axes.set_xscale("log")
    axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.set_xticks([], minor=True)


def energy_landscape(found: Any, *, title: str = "") -> Figure:
    """Free energy of every state against its distance to the data, a pair of axes for each machine.

    The line is the lowest state at each distance, the number under it the probability of that distance. As `landscape`
    gives it.
    """
    distance = np.asarray(found.distance)
    places = np.arange(distance.max() + 1)
    figure = Figure(figsize=(4.2 * len(found.free_energy), 4.0), layout="constrained")
    panels = figure.subplots(1, len(found.free_energy), sharey=True, squeeze=False)[0]
    for number, (axes, (name, energy)) in enumerate(zip(panels, found.free_energy.items())):
        energy = np.asarray(energy)
        lowest = [energy[distance == place].min() for place in places]
        axes.scatter(distance, energy, s=4, color="0.7", linewidths=0)
        axes.plot(places, lowest, marker="o", **style(number))
        for place, low, share in zip(places, lowest, found.outside[name].tolist()):
            how = {"xytext": (0, -14), "textcoords": "offset points", "ha": "center", "fontsize": "x-small"}
            axes.annotate(f"{share:.2g}", (place, low), **how)
        axes.margins(y=0.12)
        text = f"{name}: {found.log_likelihood[name]:.2f} nats a row"
        plain(axes, x="flips to the nearest row of data", y="" if number else "free energy above the data", title=text)
    figure.suptitle(title or "numbers: the machine's probability of that distance", fontsize="medium")
    return figure
