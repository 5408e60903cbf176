"""Rows of a model as the user's own table: columns by name, texts for their numbers, whole numbers whole."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from genlatent.data.standards import in_own_units
from genlatent.data.table import Table
from genlatent.errors import DataError


def to_table(rows: np.ndarray | Tensor, about: Mapping[str, Any]) -> Table:
    """The table that rows of numbers stand for.

    A number under a text column becomes the text of the nearest class, standardised values come back in the user's
    units, and NaN stays a gap.

    Args:
        rows: `(n, *shape)`, as the data set holds them or a model draws them.
        about: what a data set tells of itself, :meth:`genlatent.data.dataset.Dataset.about`; a run folder keeps it
            (:func:`genlatent.training.run.data_info`).

    >>> about = {"columns": ["age", "colour"], "categories": {"colour": ["blue", "red"]}, "integers": ["age"]}
    >>> table = to_table(np.array([[30.6, 1.0], [41.0, np.nan]]), about)
    >>> {name: column.tolist() for name, column in table.columns.items()}
    {'age': [31, 41], 'colour': ['red', None]}
    """
    values = rows.numpy(force=True) if isinstance(rows, Tensor) else np.asarray(rows)
    values = values.reshape(len(values), int(np.prod(values.shape[1:])))
    names = about.get("columns") or [f"x{number}" for number in range(values.shape[1])]
    if len(names) != values.shape[1]:
        raise DataError(f"rows of {values.shape[1]} values are none of the table of {len(names)} columns")
    values = in_own_units(values, about)
    return Table({name: _column(name, column, about) for name, column in zip(names, values.T, strict=True)})


def filled(own: Table, made: Table) -> Table:
    """The user's own table with the gaps of the columns in `made` filled from there, and nothing else changed.

    >>> own = Table({"id": np.array([7.0, 8.0]), "age": np.array([31.25, np.nan])})
    >>> {name: values.tolist() for name, values in filled(own, Table({"age": np.array([30.0, 42.0])})).columns.items()}
    {'id': [7.0, 8.0], 'age': [31.25, 42.0]}
    """
    columns = {name: _filled(values, made.columns.get(name)) for name, values in own.columns.items()}
    return Table(columns, own.lines)


def _filled(own: np.ndarray, made: np.ndarray | None) -> np.ndarray:
    if made is None:
        return own
    if own.dtype == object:
        return np.array([there if cell is None else cell for cell, there in zip(own, made, strict=True)], dtype=object)
    if made.dtype == object:  # a column without a single text, in this file
        return np.array([there if cell != cell else cell for cell, there in zip(own, made, strict=True)], dtype=object)
    both = np.where(np.isnan(own), made, own)
    return both.astype(np.int64) if made.dtype == np.int64 else both


def _column(name: str, values: np.ndarray, about: Mapping[str, Any]) -> np.ndarray:
    if name in about.get("categories", {}):
        return _texts(values, about["categories"][name])
    if name not in about.get("integers", ()):
        return values
    whole = np.round(values) + 0.0  # no -0
    return whole if np.isnan(whole).any() else whole.astype(np.int64)


def _texts(values: np.ndarray, texts: Any) -> np.ndarray:
    nearest = np.clip(np.round(np.nan_to_num(values)), 0, len(texts) - 1).astype(np.int64)
    found = [None if gap else texts[code] for gap, code in zip(np.isnan(values), nearest, strict=True)]
    return np.array(found, dtype=object)
