"""What every data set is held to before a model sees it."""

from typing import Any

import torch
from torch import Tensor

from genlatent.distributions.supports import check
from genlatent.errors import DataError

PARTS = ("train", "valid", "test")
FLOATS = (torch.float32, torch.float64)


def check_dataset(data: Any) -> None:
    """Refuse, in one sentence, rows that no model could learn from or be judged on."""
    for part in PARTS:
        _check_part(data, part)
    for part in PARTS:
        rows = getattr(data, part)
        seen = "unit" if data.binarisation == "dynamic" and part == "train" else data.support
        values = rows if isinstance(rows, Tensor) else rows.spread(1000)  # the rest is checked as it is read
        check(values, seen, f"{data.name} ({part})", missing=data.missing)
        if not isinstance(rows, Tensor):
            rows.guard(seen, f"{data.name} ({part})", data.missing)
    _refuse_constant(data)
    if data.labels is not None:
        _check_labels(data)
    if data.columns and len(data.columns) != data.shape.numel():
        raise DataError(f"{data.name}: {len(data.columns)} column names for {data.shape.numel()} columns")
    for name in (*data.categories, *data.integers):
        if name not in (*data.columns, *data.label_names):
            raise DataError(f"{data.name}: {name!r} is said to hold categories or integers, and is no column")


def _check_part(data: Any, part: str) -> None:
    rows = getattr(data, part)
    if not len(rows):
        raise DataError(f"{data.name}: the {part} set has no rows; give it at least one")
    if torch.Size(rows.shape[1:]) != data.shape:
        got, wanted = tuple(rows.shape[1:]), tuple(data.shape)
        raise DataError(f"{data.name}: rows of {part} have shape {got}, the data set says {wanted}")
    if not data.shape.numel():
        raise DataError(f"{data.name}: rows of shape {tuple(data.shape)} hold no values")
    if rows.dtype not in FLOATS:
        raise DataError(f"{data.name}: {part} is {rows.dtype}, not float32; load_data converts, or call .float()")


def _refuse_constant(data: Any) -> None:
    x = data.glimpse(len(data.train)) if isinstance(data.train, Tensor) else data.glimpse()
    if bool(x[:100].isnan().all()) and bool(x.isnan().all()):
        raise DataError(f"{data.name}: every training value is missing (NaN); there is nothing to learn from")
    if not _same(x[:100]) or not _same(x):
        return
    what = f"every training value is {float(x[~x.isnan()][0]):g}" if _one_value(x) else "every training row is the same"
    raise DataError(f"{data.name}: {what}; there is nothing to learn, check how the data were made")


def _same(x: Tensor) -> bool:
    """Whether all rows are equal; of a single row, whether all its values are."""
    if len(x) == 1:
        return _one_value(x)
    return bool(((x == x[:1]) | (x.isnan() & x[:1].isnan())).all())


def _one_value(x: Tensor) -> bool:
    known = x[~x.isnan()]
    return bool((known == known[:1]).all())


def _check_labels(data: Any) -> None:
    for part, labels in zip(PARTS, data.labels, strict=True):
        rows = len(getattr(data, part))
        if len(labels) != rows:
            raise DataError(f"{data.name}: {len(labels)} labels for {rows} rows of {part}; they go row for row")
        if labels.dtype not in FLOATS and (labels.dtype != torch.int64 or labels.ndim not in (1, 2)):
            kind = f"{labels.dtype} of shape {tuple(labels.shape)}"
            raise DataError(f"{data.name}: labels of {part} are {kind}, not int64 of shape (n,) or (n, k), or float32")
        if bool(labels.isnan().any()):
            raise DataError(f"{data.name}: NaN among the labels of {part}; leave those rows out, or fill them in")
        if labels.shape[1:] != data.labels.train.shape[1:]:
            raise DataError(f"{data.name}: labels of {part} and train differ in shape")
    width = data.labels.train.shape[1] if data.labels.train.ndim == 2 else 1
    if data.label_names and len(data.label_names) != width:
        raise DataError(f"{data.name}: {len(data.label_names)} label names for {width} labels a row")
