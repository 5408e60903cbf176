"""Numbers with their intervals, one below the other."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from genlatent.errors import DataError
from genlatent.plots.writing import COLOURS, new_axes, plain

MARKS = {"ok": ("o", COLOURS[0]), "doubtful": ("s", COLOURS[1]), "failed": ("X", COLOURS[5])}
ARROWS = {"lower bound": (9, 1), "upper bound": (8, 0)}  # caret, and the end that it stands at


def interval_lines(
    names: Sequence[str], records: Sequence[Any], *, zero: bool = False, axes: Axes | None = None, title: str = ""
) -> Axes:
    """A point with its 95 % interval for each record, the first one on top.

    Squares are doubtful numbers and crosses failed ones; a small arrow says on which side of a bound the truth lies.

    Args:
        names: what stands beside each.
        records: of one unit.
        zero: whether to draw a line at 0, from which differences are told.
        axes: where to draw.
        title: of the figure.
    """
    units = {record.unit for record in records}
    if not records or len(names) != len(records) or len(units) > 1:
        raise DataError(f"a name for each record, and one unit for all are wanted, got {len(names)} names and {units}")
    axes = axes or new_axes(6.5, 0.9 + 0.36 * len(records))
    for place, record in enumerate(records):
        marker, colour = MARKS[record.verdict]
        low, high = record.interval or (record.value, record.value)
        axes.plot([low, high], [place, place], color=colour, linewidth=2, solid_capstyle="butt")
        axes.plot([record.value], [place], marker=marker, color=colour, markersize=7, linestyle="")
        for bound, (caret, end) in ARROWS.items():
            if bound in record.metric:
                axes.plot([(low, high)[end]], [place], marker=caret, color=colour, markersize=8, linestyle="")
    if zero:
        axes.axvline(0, color="0.4", linewidth=0.8, linestyle=":")
    axes.set_yticks(range(len(names)), list(names))
    axes.set_ylim(len(names) - 0.5, -0.5)
    return plain(axes, x=units.pop(), title=title)
