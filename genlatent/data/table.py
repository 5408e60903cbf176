"""A table in the user's own terms: named columns of numbers and texts."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from genlatent.data.shown import as_html, as_text

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

    def shown(self, num_rows: int = 20) -> list[tuple[str, ...]]:
        """Header and the first rows as texts; what is missing is an empty cell."""
        first = zip(*(values[:num_rows] for values in self.columns.values()))
        return [tuple(self.columns), *(tuple(map(_cell, row)) for row in first)]

    def __str__(self) -> str:
        """The first rows in columns.

        >>> print(Table({"age": np.array([31.0, np.nan]), "sport": np.array(["chess", None])}))
        age  sport
        31   chess
        <BLANKLINE>
        """
        return as_text(self.shown())

    def _repr_html_(self) -> str:
        return as_html(self.shown())


def _cell(value: Any) -> str:
    if value is None or value != value:  # only NaN differs from itself
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


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
