"""Conditions on the command line: `label=3`, `x=half.npy`, `x=half.csv`."""

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genlatent.data.archives import DAMAGED, read_array
from genlatent.data.sources import load_rows
from genlatent.errors import GenlatentError, RecipeError
from genlatent.recipes.reading import parse

ROWS = (".npy", ".npz", ".csv", ".parquet")  # files that hold rows of data


def read_given(texts: Sequence[str], device: torch.device, about: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Name and value of each condition.

    A value that names a `.npy` file is the array in it. Rows of data, `x`, may also be a table, and are read as those
    that the model was trained on: with its columns, its numbers for texts, and in its units.

    Args:
        texts: `name=value` each.
        device: where the values go.
        about: what the model's data told of themselves; without a shape in it, `x` is taken as it is.

    >>> read_given(["label=3"], torch.device("cpu"))
    {'label': 3}
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise RecipeError(f"{text!r} is no condition; write name=value, for example label=3 or x=half.npy")
        if name == "x" and (about or {}).get("shape") and value.endswith(ROWS):
            found[name] = _rows(Path(value), about or {}).to(device)
        else:
            found[name] = _array(Path(value)).to(device) if value.endswith(".npy") else parse(value)
    return found


def _rows(path: Path, about: Mapping[str, Any]) -> torch.Tensor:
    """Rows of a file; an array of a single row may do without the axis for rows."""
    if path.suffix != ".npy":
        return load_rows(path, about)
    values = _numbers(path)
    return load_rows(values.reshape(1, *about["shape"]) if values.size == prod(about["shape"]) else values, about)


def _array(path: Path) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(_numbers(path))).to(torch.get_default_dtype())


def _numbers(path: Path) -> np.ndarray:
    try:
        values = read_array(path)
    except GenlatentError:
        raise
    except DAMAGED as error:
        raise RecipeError(f"{path} cannot be read as an array: {error}") from error
    if values.dtype.kind not in "fiub":
        raise RecipeError(f"{path} holds {values.dtype} values; numbers are wanted")
    return values
