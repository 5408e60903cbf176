"""Figures without a display and without a global state: nothing here goes through pyplot."""

import io
from collections.abc import Mapping
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from genlatent.errors import RecipeError
from genlatent.storage import new_file

# Okabe and Ito's colours: told apart by colour-blind readers, ordered so that neighbours differ in grey as well.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000")
DASHES = ("-", "--", "-.", ":")

FORMATS = ("png", "svg", "pdf")


def new_axes(width: float = 6.0, height: float = 4.0) -> Axes:
    """The only axes of a new figure, in inches."""
    return Figure(figsize=(width, height), layout="constrained").add_subplot()


def style(number: int) -> dict[str, str]:
    """Colour and dash of the line with that number.

    >>> style(0)
    {'color': '#0072B2', 'linestyle': '-'}
    """
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": DASHES[number % len(DASHES)]}


def plain(axes: Axes, *, x: str = "", y: str = "", title: str = "") -> Axes:
    """Axes with their labels, a faint grid, and no box around them."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title, fontsize="medium")
    axes.grid(True, color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def save(axes: Axes | Figure, path: str | Path, *, note: Mapping[str, str] | None = None, dpi: int = 120) -> Path:
    """Write the figure as PNG, SVG or PDF, whole or not at all; `note` goes into the text fields of a PNG."""
    place = Path(path)
    ending = place.suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        raise RecipeError(f"{place}: the name of a figure ends in .{', .'.join(FORMATS)}")
    figure = whole(axes)
    metadata = dict(note or {}) if ending == "png" else None
    with new_file(place) as temporary:
        figure.savefig(temporary, format=ending, dpi=dpi, metadata=metadata)
    return place


def png(axes: Axes | Figure, *, dpi: int = 110) -> bytes:
    """The figure as the bytes of a PNG; equal figures give equal bytes."""
    place = io.BytesIO()
    whole(axes).savefig(place, format="png", dpi=dpi, metadata={"Software": None})
    return place.getvalue()


def whole(axes: Axes | Figure) -> Figure:
    """The figure that axes belong to."""
    figure = axes if isinstance(axes, Figure) else axes.get_figure(root=True)
    if figure is None:
        raise ValueError("these axes belong to no figure, so there is nothing to save")
    return figure
