"""Conditions on the command line: `label=3`, `x=half.npy`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genlatent.errors import RecipeError
from genlatent.recipes.reading import parse


def read_given(texts: Sequence[str], device: torch.device) -> dict[str, Any]:
    """Name and value of each condition; a value that names a `.npy` file is the array in it.

    >>> read_given(["label=3"], torch.device("cpu"))
    {'label': 3}
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise RecipeError(f"{text!r} is no condition; write name=value, for example label=3 or x=half.npy")
        found[name] = _array(Path(value)).to(device) if value.endswith(".npy") else parse(value)
    return found


def _array(path: Path) -> torch.Tensor:
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise RecipeError(f"{path} cannot be read as an array: {error}") from error
    if values.dtype.kind not in "fiub":
        raise RecipeError(f"{path} holds {values.dtype} values; numbers are wanted")
    return torch.from_numpy(np.ascontiguousarray(values)).to(torch.get_default_dtype())
