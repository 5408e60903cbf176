"""Numbers beside each row that a conditional model is told: an array, a file of one, or columns of a table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genlatent.data.archives import DAMAGED, read_archive, read_array
from genlatent.data.casts import cast
from genlatent.errors import DataError
from genlatent.storage import spelt_out

ENDINGS = (".npy", ".npz")


def is_file(conditions: Any) -> bool:
    """Whether conditions are said to lie in a file of their own.

    >>> is_file("ages.npy"), is_file("age")
    (True, False)
    """
    return isinstance(conditions, (str, Path)) and Path(conditions).suffix.lower() in ENDINGS


def named(conditions: Any) -> tuple[str, ...]:
    """The columns, or the one array of an archive, that conditions name; none where they are rows or a file of them.

    >>> named("age"), named(["age", "height"]), named("ages.npy"), named([[0.5], [0.7]])
    (('age',), ('age', 'height'), (), ())
    """
    if isinstance(conditions, str):
        return () if is_file(conditions) else (conditions,)
    several = isinstance(conditions, (list, tuple)) and all(isinstance(name, str) for name in conditions)
    return tuple(conditions) if several else ()


def condition_rows(conditions: Any, name: str) -> Tensor:
    """Conditions as float32, `(n, k)` or of any further shape; of a vector, one number a row.

    >>> condition_rows([0.5, 2.0], "mine")
    tensor([[0.5000],
            [2.0000]])
    """
    if names := named(conditions):
        raise DataError(
            f"{name}: conditions={' '.join(names)!r} names a column or a key, which these data do not have; "
            f"give an array, or a file ending in {' or '.join(ENDINGS)}"
        )
    values = conditions.detach().cpu() if isinstance(conditions, Tensor) else _array(conditions, name)
    rows = torch.as_tensor(values).to(torch.float32, copy=True)
    if rows.ndim == 0 or not rows.numel():
        raise DataError(f"conditions of {name} hold no rows; give one for each row of the data")
    refuse_unknown(rows, name)
    return rows.unsqueeze(1) if rows.ndim == 1 else rows


def refuse_unknown(rows: Tensor, name: str) -> None:
    """Refuse conditions that are no finite numbers, naming the first."""
    bad = ~rows.reshape(len(rows), -1).isfinite()
    if bool(bad.any()):
        row, column = (int(i) for i in bad.nonzero()[0])
        found = float(rows.reshape(len(rows), -1)[row, column])
        what = "NaN" if found != found else f"{found:g}"
        raise DataError(f"conditions of {name}: {what} in row {row}, column {column}; every row needs finite numbers")


def _array(conditions: Any, name: str) -> np.ndarray:
    try:
        values = _read(spelt_out(conditions)) if is_file(conditions) else np.asarray(conditions)
    except ValueError as error:
        raise DataError(f"conditions of {name} are no rows of one shape ({error})") from error
    if values.dtype.kind not in "biuf":
        raise DataError(f"conditions of {name}: values of type {values.dtype} are not numbers; use labels for classes")
    return cast(values)


def _read(path: Path) -> np.ndarray:
    if not path.is_file():
        raise DataError(f"{path}: there is no such file, which the conditions are to be read from")
    try:
        if path.suffix.lower() == ".npy":
            return read_array(path)
        return _only(read_archive(path), path)
    except DataError:
        raise
    except DAMAGED as error:
        raise DataError(f"{path}: truncated, or no array of numbers ({error}); write it again by numpy.save") from error


def _only(arrays: dict[str, np.ndarray], path: Path) -> np.ndarray:
    keys: Sequence[str] = list(arrays)
    if len(keys) != 1:
        found = ", ".join(keys) or "nothing"
        raise DataError(f"{path}: it holds {found}; conditions are read from a file of one array")
    return arrays[keys[0]]
