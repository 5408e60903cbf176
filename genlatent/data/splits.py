"""Which rows are learned from, which are watched, and which are judged on."""

from typing import Any

import torch
from torch import Tensor

from genlatent.errors import DataError
from genlatent.numerics.randomness import stream


def num_rows(share: Any, total: int, what: str) -> int:
    """Rows that a share stands for: a fraction of all (at least one row), or a number of rows.

    >>> num_rows(0.1, 25, "valid"), num_rows(7, 25, "valid")
    (2, 7)
    """
    if isinstance(share, bool) or not isinstance(share, (int, float)):
        raise DataError(f"{what} is a fraction, a number of rows or an array, not {share!r}")
    if isinstance(share, int) and share >= 1:
        return share
    if not 0 < share < 1:
        raise DataError(
            f"{what}={share} leaves no rows to hold out; give a fraction between 0 and 1 or a number of rows"
        )
    return max(1, int(share * total))


def shuffled(
    total: int, valid: float | int | None, test: float | int | None, seed: int, name: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Row numbers of the three sets, drawn from the seed alone; None holds no rows out.

    >>> train, valid, test = shuffled(10, 0.2, 3, seed=0, name="tiny")
    >>> len(train), sorted(torch.cat([train, valid, test]).tolist()) == list(range(10))
    (5, True)
    """
    held_valid = 0 if valid is None else num_rows(valid, total, "valid")
    held_test = 0 if test is None else num_rows(test, total, "test")
    if held_valid + held_test >= total:
        raise DataError(
            f"{name}: {total} rows, of which {held_valid + held_test} would be held out, leave none to learn from; "
            "give more rows, or smaller valid= and test="
        )
    order = torch.randperm(total, generator=stream(seed, name="splits"))
    test_rows, valid_rows = order[:held_test], order[held_test : held_test + held_valid]
    return order[held_test + held_valid :], valid_rows, test_rows


def neighbours(total: int, valid: float, test: float, seed: int, num_segments: int = 20) -> tuple[Tensor, ...]:
    """Row numbers of the three sets where neighbouring rows are alike: whole segments are drawn, in row order within.

    >>> [len(part) for part in neighbours(100, 0.1, 0.1, seed=0)]
    [80, 10, 10]
    """
    segments = torch.arange(total).tensor_split(num_segments)
    rows = shuffled(num_segments, valid, test, seed, "segments")
    return tuple(torch.cat([segments[number] for number in part.sort().values.tolist()]) for part in rows)


def set_aside(total: int, valid: int, test: int, seed: int) -> tuple[Tensor, Tensor]:
    """Sorted row numbers of valid and test where all rows are too many to shuffle."""
    drawn_from = stream(seed, name="splits")
    rows = torch.empty(0, dtype=torch.int64)
    while len(rows) < valid + test:
        rows = torch.cat([rows, torch.randint(total, (valid + test,), generator=drawn_from)]).unique()
    rows = rows[torch.randperm(len(rows), generator=drawn_from)]
    return rows[:valid].sort().values, rows[valid : valid + test].sort().values
