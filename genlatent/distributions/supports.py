"""Where values may lie, by name: `binary`, `spin`, `unit`, `real`, `count`, `categorical`, or one name per column."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from genlatent.errors import DataError

Support = str | Sequence[str]

INSIDE: dict[str, Callable[[Tensor], Tensor]] = {
    "binary": lambda x: (x == 0) | (x == 1),
    "spin": lambda x: (x == -1) | (x == 1),
    "unit": lambda x: (x >= 0) & (x <= 1),
    "real": torch.isfinite,
    "count": lambda x: (x >= 0) & (x == x.floor()) & torch.isfinite(x),
    "categorical": lambda x: (x >= 0) & (x == x.floor()) & torch.isfinite(x),
}

MEANING = {
    "binary": "0 or 1",
    "spin": "-1 or +1",
    "unit": "between 0 and 1",
    "real": "finite numbers",
    "count": "whole numbers from 0",
    "categorical": "class numbers from 0",
}

ADVICE = {
    ("binary", "unit"): "grey values under a binary support: binarise the data, or use ContinuousBernoulli",
    ("spin", "binary"): "0/1 under a spin support: map 0 to -1, or use Bernoulli units",
    ("unit", "real"): "values outside [0, 1]: rescale them, or use Gaussian",
}


def names(support: Support) -> tuple[str, ...]:
    """The support as a tuple of names: one, or one per column.

    >>> names("unit"), names(["real", "count"])
    (('unit',), ('real', 'count'))
    """
    found = (support,) if isinstance(support, str) else tuple(support)
    for name in found:
        if name not in INSIDE:
            raise DataError(f"no support is called {name!r}; known: {', '.join(INSIDE)}")
    return found


def guess(x: Tensor) -> str:
    """The narrowest of `binary`, `unit`, `real` that holds every value that is not NaN.

    >>> guess(torch.tensor([0.0, 0.5, 1.0]))
    'unit'
    """
    known = x[~x.isnan()]
    return next(name for name in ("binary", "unit", "real") if bool(INSIDE[name](known).all()) or name == "real")


def check(x: Tensor, support: Support, who: str = "the data", *, missing: bool = False) -> None:
    """Refuse values outside the support, naming the first; NaN passes only where missing values were declared."""
    wanted = names(support)
    columns = x.reshape(len(x), -1)
    if len(wanted) > 1 and len(wanted) != columns.shape[1]:
        raise DataError(f"{who}: {len(wanted)} column supports for {columns.shape[1]} columns")
    unknown = columns.isnan()
    if bool(unknown.any()) and not missing:
        row, column = (int(i) for i in unknown.nonzero()[0])
        raise DataError(
            f"{who}: NaN in row {row}, column {column}, but no missing values were declared; "
            "declare them (missing=True) or fill them"
        )
    for number, name in enumerate(wanted):
        part = columns if len(wanted) == 1 else columns[:, number : number + 1]
        bad = ~INSIDE[name](part) & ~part.isnan()
        if bool(bad.any()):
            row, column = (int(i) for i in bad.nonzero()[0])
            _refuse(who, name, guess(part), float(part[row, column]), row, column + number)


def _refuse(who: str, wanted: str, found: str, value: float, row: int, column: int) -> None:
    advice = ADVICE.get((wanted, found), f"{wanted} means {MEANING[wanted]}")
    raise DataError(f"{who}: {value:g} in row {row}, column {column} is not {wanted} ({advice})")
