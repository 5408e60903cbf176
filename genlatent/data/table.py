"""A table in the user's own terms: named columns of numbers and texts."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

NO_VALUE = {"", "na", "n/a", "nan", "null", "none"}


class Table(NamedTuple):
    """Columns by name, numbers as floats or whole numbers and texts as objects, and the lines that the rows stand in.

    NaN stands for a number that is missing, None for a text.

    >>> Table({"age": np.array([31.0, np.nan])}, lines=[2, 3]).row(1)
    'line 3'
    """

    columns: dict[str, np.ndarray]
    lines: Sequence[int] = ()

    def row(self, number: int) -> str:
        """What the user calls that row."""
        return f"line {self.lines[number]}" if self.lines else f"row {number}"


def number(cell: Any) -> float | None:
    """A cell as a number, NaN where it holds none, None where it holds text."""
    if isinstance(cell, str):
        cell = cell.strip()
        if cell.lower() in NO_VALUE:
            return float("nan")
    try:
        return float("nan") if cell is None else float(cell)
    except (TypeError, ValueError):
        return None
