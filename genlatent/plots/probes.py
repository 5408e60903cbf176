"""What labels make of codes, and what codes cost."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

from genlatent.errors import DataError
from genlatent.plots.writing import new_axes, plain, style

APART = 1.6  # how many times the count before one is, so that both have room for their numbers


def probe_curves(
    found: Mapping[str, Sequence[Any]], *, probe: str = "linear probe", axes: Axes | None = None, title: str = ""
) -> Axes:
    """Test accuracy against the number of labels, one line for each model, with 95 % intervals.

    Args:
        found: what `label_efficiency` gives, by the model's name.
        probe: which of the probes is drawn.
    """
    lines = {name: [point for point in points if point.probe == probe] for name, points in found.items()}
    if not lines or not all(lines.values()):
        raise DataError(f"every model needs results of the {probe!r}; they come from label_efficiency")
    axes = axes or new_axes()
    for number, (name, points) in enumerate(lines.items()):
        aside = 1.03 ** (number - (len(lines) - 1) / 2)  # so that bars do not cover each other
        labels = [point.labels * aside for point in points]
        values = [point.record.value for point in points]
        low, high = zip(*(point.record.interval for point in points))
        sides = [[v - a for v, a in zip(values, low)], [b - v for v, b in zip(values, high)]]
        axes.errorbar(labels, values, yerr=sides, label=name, marker="o", capsize=2, **style(number))  # pyright: ignore
    counts = sorted({point.labels for points in lines.values() for point in points})
    apart = [a for a, b in pairwise(counts) if b > APART * a] + counts[-1:]
    axes.set_xscale("log")
    axes.set_xticks(apart, [str(count) for count in apart])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.legend(frameon=False, loc="lower right")
    return plain(axes, x="labels", y=f"test accuracy, {probe}", title=title)


def code_compression(found: Mapping[str, Sequence[Any]], *, axes: Axes | None = None, title: str = "") -> Axes:
    """Squared error against bits for each row, one line for each model, with 95 % intervals.

    Args:
        found: what `compression_curve` gives, by the model's name. The rate is the entropy of the quantised codes; the
            bits for each value of a code stand beside the points of the first line.
    """
    if not found or not all(found.values()):
        raise DataError("every model needs at least one point; they come from compression_curve")
    titles = sorted({point.distortion.data for points in found.values() for point in points})
    if len(titles) > 1:
        raise DataError(f"errors on different data are not compared: {' and '.join(titles)}; draw one figure for each")
    axes = axes or new_axes()
    for number, (name, points) in enumerate(found.items()):
        rates, values = [p.entropy for p in points], [p.distortion.value for p in points]
        low, high = zip(*(p.distortion.interval for p in points))
        axes.plot(rates, values, label=name, marker="o", **style(number))  # pyright: ignore
        axes.fill_between(rates, low, high, color=style(number)["color"], alpha=0.2, linewidth=0)
    for point in next(iter(found.values())):
        place = (point.entropy, point.distortion.value)
        axes.annotate(f"{point.bits}", place, xytext=(4, 4), textcoords="offset points", fontsize="small")
    axes.set_ylim(bottom=0)
    if all(point.entropy > 0 for points in found.values() for point in points):
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda bits, _: f"{bits:g}"))
    axes.legend(frameon=False)
    return plain(axes, x="bits a row, entropy of the quantised code", y="squared error of a row", title=title)
