"""How training went."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from genlatent.errors import DataError
from genlatent.plots.writing import new_axes, plain, style


def loss_curves(
    rows: Sequence[Mapping[str, Any]], *, names: Sequence[str] | None = None, axes: Axes | None = None, title: str = ""
) -> Axes:
    """Metrics over epochs, one line each; without `names` the loss, in training and held out.

    Args:
        rows: what `History.rows` holds, or the lines of a run's `metrics.jsonl`.
    """
    known = dict.fromkeys(name for row in rows for name in row)
    shown = list(names) if names is not None else [name for name in ("loss", "valid/loss") if name in known]
    missing = [name for name in shown if name not in known]
    if missing or not shown:
        raise DataError(f"no {', '.join(missing) or 'loss'} in the history; it has {', '.join(known) or 'nothing'}")
    axes = axes or new_axes()
    for number, name in enumerate(shown):
        points = [(row["epoch"], row[name]) for row in rows if row.get(name) is not None]
        marker = "o" if len(points) == 1 else ""
        axes.plot(*zip(*points), label=described(name), marker=marker, **style(number))  # pyright: ignore
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
    return plain(axes, x="epoch", title=title)


def described(name: str) -> str:
    """A metric's name for people.

    >>> described("valid/loss"), described("kl")
    ('loss, held out', 'kl, training')
    """
    return f"{name.removeprefix('valid/')}, {'held out' if name.startswith('valid/') else 'training'}"
