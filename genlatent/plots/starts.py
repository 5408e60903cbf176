"""Training from different starts."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from genlatent.errors import DataError
from genlatent.plots.writing import new_axes, plain, style


def start_curves(starts: Sequence[Any], *, axes: Axes | None = None, title: str = "") -> Axes:
    """Held-out loss over the epochs of the training of all layers, one line for each start and seed.

    Args:
        starts: what `deep_autoencoders` or `deep_classifiers` gives, of one seed or several together.
    """
    if not starts:
        raise DataError("no starts were given; they come from deep_autoencoders or deep_classifiers")
    axes = axes or new_axes()
    kinds = list(dict.fromkeys(start.start for start in starts))
    for number, kind in enumerate(kinds):
        same = [start for start in starts if start.start == kind]
        for run in same:
            name = f"{kind} start, {len(same)} seed{'s' if len(same) > 1 else ''}" if run is same[0] else None
            axes.plot(range(1, len(run.curve) + 1), run.curve, label=name, **style(number))  # pyright: ignore
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
    return plain(axes, x="epoch of all layers together", y="loss, held out", title=title)
