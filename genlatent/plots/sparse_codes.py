"""What sparse codes lose against how sparse they are."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from genlatent.errors import DataError
from genlatent.plots.copying import SHARE
from genlatent.plots.writing import new_axes, plain, style


def sparse_code_curves(found: Sequence[Any], *, axes: Axes | None = None, title: str = "") -> Axes:
    """The share lost over the number of units that are on, one line for each kind of code.

    Args:
        found: what `sparse_codes` gives.
    """
    if not found:
        raise DataError("at least one sparse code is wanted")
    axes = axes or new_axes()
    for number, name in enumerate(dict.fromkeys(one.name for one in found)):
        points = sorted((one.on, one.lost) for one in found if one.name == name)
        axes.plot(*zip(*points), marker="o", label=name, **style(number))  # pyright: ignore[reportArgumentType]
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.legend(frameon=False, fontsize="small")
    return plain(axes, x="units that are on, mean over rows", y=SHARE, title=title)
