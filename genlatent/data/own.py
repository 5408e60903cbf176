"""A user's own rows, split in three and given the narrowest support that holds them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from genlatent.data.casts import cast
from genlatent.data.conditions import condition_rows
from genlatent.data.dataset import Dataset, Splits
from genlatent.data.mapped import BLOCK_BYTES, MappedRows
from genlatent.data.splits import num_rows, set_aside, shuffled
from genlatent.data.standards import Standards, standardised, standards_of
from genlatent.distributions.supports import Support, check, guess
from genlatent.errors import DataError

HELD_OUT = 0.1  # of all rows, for valid and for test
MOST_HELD_OUT = 10_000  # rows of a mapped file, for each
PIXEL = 255.0
AUTO = "auto"  # the support that leaves it to the values, and to texts, which are categories
LARGEST_LABEL = 2**53
LARGEST_WHOLE = 2**24  # above, float32 does not tell neighbouring whole numbers apart


class Part(NamedTuple):
    """Rows as they were found, and their labels."""

    x: Any
    labels: Tensor | None = None


class Found(NamedTuple):
    """What a reader hands over: everything a source says of its rows."""

    x: Any
    name: str
    labels: Tensor | None = None
    support: Support | None = None
    columns: tuple[str, ...] = ()
    label_names: tuple[str, ...] = ()
    categories: Mapping[str, tuple[str, ...]] = {}
    integers: tuple[str, ...] = ()
    valid: Part | None = None
    test: Part | None = None
    block_bytes: int | None = None  # set where the rows stay in their file


def assemble(
    found: Found,
    *,
    seed: int = 0,
    valid: Any = None,
    test: Any = None,
    support: Any = None,
    conditions: Any = None,
    missing: bool = False,
    standardise: bool = False,
    name: str | None = None,
    shape: Sequence[int] | None = None,
) -> Dataset:
    """Found rows as a data set; see :func:`~genlatent.data.sources.load_data` for the options."""
    support = None if isinstance(support, str) and support == AUTO else support
    support = support if found.support is None else found.support
    found = beside(found._replace(name=name or found.name, support=support), conditions)
    held_out = [_given(valid, found.valid), _given(test, found.test)]
    divide = _divided if found.block_bytes is None else _divided_file
    sets, support = divide(found, held_out, seed, missing)
    standards = _standards(found, sets[0], support) if standardise else ()
    if standards:
        sets = [part._replace(x=standardised(part.x, standards)) for part in sets]
    return _dataset(found, sets, support, standards, missing, shape)


def _standards(found: Found, train: Part, support: Support) -> Standards:
    if found.block_bytes is not None:
        raise DataError(f"{found.name}: rows that stay in their file are not standardised; rescale the file")
    return standards_of(train.x, support, found.name)


def beside(found: Found, conditions: Any) -> Found:
    """With the conditions that no reader knew by name, and with as many labels or conditions as rows."""
    told = found.labels is not None and found.labels.is_floating_point()
    if conditions is not None and not told:
        found = found._replace(labels=condition_rows(conditions, found.name), label_names=())
    if found.labels is not None and len(found.labels) != len(found.x):
        what = "labels" if conditions is None else "conditions"
        raise DataError(f"{found.name}: {len(found.labels)} {what} for {len(found.x)} rows; they go row for row")
    return found


def rows_of(x: Any, support: Any = None, name: str = "the data") -> Tensor:
    """Rows as float32: bytes that are pixels come out between 0 and 1, a vector as rows of one value.

    >>> rows_of(np.array([[0, 51, 255]], dtype=np.uint8))
    tensor([[0.0000, 0.2000, 1.0000]])
    """
    values = x.detach() if isinstance(x, Tensor) else _tensor(np.asarray(x), name)
    if values.ndim == 0 or not values.numel():
        raise DataError(
            f"{name}: {'a single number' if values.ndim == 0 else 'no rows or no values'}; nothing to learn"
        )
    if values.is_complex():
        raise DataError(f"{name}: complex numbers are not taken; give real and imaginary parts as columns")
    scale = PIXEL if values.dtype == torch.uint8 and support in (None, "unit") and int(values.max()) > 1 else 1.0
    whole = not values.is_floating_point() and values.dtype != torch.bool
    if whole and max(int(values.max()), -int(values.min())) > LARGEST_WHOLE:
        raise DataError(f"{name}: whole numbers above {LARGEST_WHOLE} are not exact in float32; rescale them")
    rows = values.to(torch.float32, copy=True) / scale
    return rows.unsqueeze(1) if rows.ndim == 1 else rows


def label_rows(labels: Any, name: str) -> Tensor:
    """Labels as int64, `(n,)` or `(n, k)`; anything but whole numbers is refused."""
    values = labels.detach() if isinstance(labels, Tensor) else _tensor(np.asarray(labels), f"labels of {name}")
    if values.is_floating_point() and not bool(((values == values.round()) & (values.abs() < LARGEST_LABEL)).all()):
        which = "have NaN among them" if bool(values.isnan().any()) else "are not whole numbers"
        raise DataError(f"labels of {name} {which}; code them as 0, 1, 2, ..., and -1 where there is none")
    return values.to(torch.int64)


def _tensor(values: np.ndarray, name: str) -> Tensor:
    if values.dtype.kind not in "biufc":
        raise DataError(f"{name}: values of type {values.dtype} are not numbers; convert them to numbers")
    if values.dtype.itemsize > 8:
        values = cast(values, np.complex128 if values.dtype.kind == "c" else np.float64)
    if values.dtype.kind == "u" and values.dtype != np.uint8:
        if values.size and int(values.max()) > np.iinfo(np.int64).max:
            raise DataError(f"{name}: whole numbers above {np.iinfo(np.int64).max} are not read; rescale them")
        values = values.astype(np.int64)
    return torch.from_numpy(np.array(values.astype(values.dtype.newbyteorder("="))))


def _given(given: Any, stored: Part | None) -> Any:
    """A share, or the rows that the user or the file gives as a set of its own."""
    if given is None:
        return HELD_OUT if stored is None else stored
    if isinstance(given, tuple) and len(given) == 2:
        return Part(*given)
    return given if isinstance(given, (int, float, Part)) else Part(given)


def _divided(found: Found, held_out: list[Any], seed: int, missing: bool) -> tuple[list[Part], Support]:
    """Train, valid and test, where valid and test are given or drawn from all rows."""
    whole = Part(rows_of(found.x, found.support, found.name), found.labels)
    given = [_own_set(part, found) if isinstance(part, Part) else None for part in held_out]
    known = [whole, *(part for part in given if part is not None)]
    support = found.support or guess(torch.cat([part.x.reshape(-1) for part in known]))
    for part in known:
        check(part.x, support, found.name, missing=missing)  # here the rows still have the numbers the user knows
    shares = [None if isinstance(part, Part) else part for part in held_out]
    train, *rest = shuffled(len(whole.x), shares[0], shares[1], seed, found.name)
    sets = [_rows(whole, rows) if part is None else part for part, rows in zip(given, rest, strict=True)]
    return [_rows(whole, train), *sets], support


def _own_set(part: Part, found: Found) -> Part:
    if (part.labels is None) != (found.labels is None):
        raise DataError(f"{found.name}: either all sets have labels or none; give valid=(x, labels), test=(x, labels)")
    read = label_rows if found.labels is None or not found.labels.is_floating_point() else condition_rows
    labels = None if part.labels is None else read(part.labels, found.name)
    return Part(rows_of(part.x, found.support, found.name), labels)


def _rows(part: Part, rows: Tensor) -> Part:
    labels = None if part.labels is None else part.labels[rows.to(part.labels.device)]
    return Part(part.x[rows.to(part.x.device)], labels)


def _dataset(
    found: Found,
    sets: Sequence[Part],
    support: Any,
    standards: Standards,
    missing: bool,
    shape: Sequence[int] | None,
) -> Dataset:
    x = [part.x if shape is None else shaped(part.x, shape, found.name) for part in sets]
    labels = [part.labels for part in sets if part.labels is not None]
    return Dataset(
        *x,
        shape=torch.Size(x[0].shape[1:]),
        support=support,
        name=found.name,
        labels=Splits(*labels) if labels else None,
        label_names=found.label_names,
        columns=found.columns,
        categories=found.categories,
        integers=found.integers,
        standards=standards,
        missing=missing,
    )


def shaped(x: Any, shape: Sequence[int], name: str) -> Any:
    """The same rows in another shape of as many values."""
    if torch.Size(shape).numel() != torch.Size(x.shape[1:]).numel():
        raise DataError(f"{name}: rows of shape {tuple(x.shape[1:])} do not fill shape {tuple(shape)}")
    return x.reshape(-1, *shape)


def _divided_file(found: Found, held_out: list[Any], seed: int, missing: bool) -> tuple[list[Part], Support]:
    """Training rows stay in the file; a few rows, drawn from all over it, are read and held out."""
    if any(isinstance(part, Part) for part in held_out):
        raise DataError(f"{found.name}: valid and test of a mapped file are shares of its rows, not arrays")
    total = len(found.x)
    counts = [_held_out(share, total) for share in held_out]
    if sum(counts) >= total:
        raise DataError(
            f"{found.name}: {total} rows, of which {sum(counts)} would be held out, leave none to learn from"
        )
    rows = set_aside(total, counts[0], counts[1], seed)
    outside = torch.cat(rows).sort().values
    scale = 1 / PIXEL if found.x.dtype == np.uint8 and found.support in (None, "unit") else 1.0
    train = MappedRows(found.x, set_aside=outside.numpy(), scale=scale, block_bytes=found.block_bytes or BLOCK_BYTES)
    inside = torch.ones(total, dtype=torch.bool).index_fill(0, outside, False)
    labels = found.labels
    sets = [Part(train, None if labels is None else labels[inside])]
    sets += [Part(train.read(part.numpy()), None if labels is None else labels[part]) for part in rows]
    return sets, found.support or guess(train.spread(1000))


def _held_out(share: Any, total: int) -> int:
    """A fraction of a large file stays small enough for memory; a number of rows is taken at its word."""
    rows = num_rows(share, total, "valid or test")
    return min(rows, MOST_HELD_OUT) if isinstance(share, float) else rows
