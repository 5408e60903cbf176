"""Where values may lie, by name: `binary`, `spin`, `unit`, `open-unit`, `real`, `non-negative`, `count`, `categorical`,
`levels`, `one-hot`, or one name per column.

`categorical:4` has that many classes; `levels:256` are that many equally spaced values from 0 to 1, both included;
`one-hot:4` are groups of that many columns, one of them 1 and the others 0.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from genlatent.errors import DataError

Support = str | Sequence[str]

DIGITS = 9  # of a number of classes
NEAR = 1e-2  # of one step between levels: what float32 makes of them

INSIDE: dict[str, Callable[[Tensor], Tensor]] = {
    "binary": lambda x: (x == 0) | (x == 1),
    "spin": lambda x: (x == -1) | (x == 1),
    "unit": lambda x: (x >= 0) & (x <= 1),
    "open-unit": lambda x: (x > 0) & (x < 1),
    "real": torch.isfinite,
    "count": lambda x: (x >= 0) & (x == x.floor()) & torch.isfinite(x),
    "categorical": lambda x: (x >= 0) & (x == x.floor()) & torch.isfinite(x),
    "levels": lambda x: (x >= 0) & (x <= 1),
    "non-negative": lambda x: (x >= 0) & torch.isfinite(x),
    "one-hot": lambda x: (x == 0) | (x == 1),
}

NUMBERED: dict[str, Callable[[Tensor, int], Tensor]] = {
    "categorical": lambda x, number: x < number,
    "levels": lambda x, number: (x * (number - 1) - (x * (number - 1)).round()).abs() < NEAR,
    "one-hot": lambda x, number: _single(x, number),
}

MEANING = {
    "binary": "0 or 1",
    "spin": "-1 or +1",
    "unit": "between 0 and 1",
    "open-unit": "strictly between 0 and 1: move the ends inside, or use ContinuousBernoulli",
    "real": "finite numbers",
    "count": "whole numbers from 0",
    "categorical": "class numbers from 0",
    "levels": "equally spaced values from 0 to 1",
    "non-negative": "finite numbers from 0",
    "one-hot": "a single 1 among zeros in each group of columns, or NaN in all of the group",
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
        if _kind(name) not in INSIDE:
            raise DataError(f"no support is called {name!r}; known: {', '.join(INSIDE)}")
    return found


def inside(x: Tensor, name: str) -> Tensor:
    """Which values lie in the support of that name.

    >>> inside(torch.tensor([0.0, 2.0, 3.0]), "categorical:3")
    tensor([ True,  True, False])
    """
    kind, _, number = name.partition(":")
    within = INSIDE[kind](x)
    return within & NUMBERED[kind](x, int(number)) if number else within


def _single(x: Tensor, number: int) -> Tensor:
    """Whether each group of columns holds a single 1; a group with a NaN holds none."""
    if x.shape[-1] % number:
        return torch.zeros_like(x, dtype=torch.bool)
    groups = x.unflatten(-1, (-1, number))
    return (groups.sum(-1, keepdim=True) == 1).expand(groups.shape).flatten(-2)


def one_hot(x: Tensor, number: int) -> Tensor:
    """Class numbers `(*batch)` as one-hot rows `(*batch, number)`; an unknown class, NaN, is NaN throughout.

    >>> one_hot(torch.tensor([2.0, torch.nan]), 3)
    tensor([[0., 0., 1.],
            [nan, nan, nan]])
    """
    made = x if x.is_floating_point() else x.to(torch.get_default_dtype())
    rows = made.unsqueeze(-1)
    chosen = (rows == torch.arange(number, device=x.device)).to(made.dtype)
    return torch.where(rows.isnan(), rows, chosen)


def filler(support: Support) -> list[float]:
    """A value that stands for a missing one, inside the support: one, or one per column."""
    return [0.5 if name in ("unit", "open-unit") else 0.0 for name in names(support)]


def _kind(name: str) -> str:
    kind, colon, number = name.partition(":")
    counts = number.isascii() and number.isdecimal() and len(number) <= DIGITS and int(number) > 0
    return kind if not colon or (kind in NUMBERED and counts) else name


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
        bad = ~inside(part, name) & ~part.isnan()
        if bool(bad.any()):
            row, column = (int(i) for i in bad.nonzero()[0])
            _refuse(who, name, guess(part), float(part[row, column]), row, column + number)


def _refuse(who: str, wanted: str, found: str, value: float, row: int, column: int) -> None:
    kind = _kind(wanted).partition(":")[0]
    advice = ADVICE.get((kind, found), f"{wanted} means {MEANING[kind]}")
    raise DataError(f"{who}: {value:g} in row {row}, column {column} is not {wanted} ({advice})")
