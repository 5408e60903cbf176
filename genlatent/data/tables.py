"""Rows from tables: `.csv` and `.parquet`, columns by name."""

import csv
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from genlatent.data.own import Found, label_rows
from genlatent.distributions.supports import Support, guess, names
from genlatent.errors import DataError
from genlatent.registry import nearest

NO_VALUE = {"", "na", "n/a", "nan", "null", "none"}
SEPARATORS = ",;\t"


class Table(NamedTuple):
    """Columns by name, numbers as float64 and texts as objects, and the lines that the rows stand in, if any."""

    columns: dict[str, np.ndarray]
    lines: Sequence[int] = ()

    def row(self, number: int) -> str:
        """What the user calls that row."""
        return f"line {self.lines[number]}" if self.lines else f"row {number}"


def read_csv(
    path: str | Path,
    *,
    columns: Sequence[str] | None = None,
    labels: Any = None,
    support: Any = None,
    missing: bool = False,
) -> Found:
    """A table of numbers, separated by commas, semicolons or tabs; a first line that holds text names the columns.

    Args:
        columns: the columns to learn from, all but the labels if left out.
        labels: the column, or columns, of the labels; texts are numbered in sorted order. Or an array.
        support: one for all columns, or by column; a column of texts is taken only as `categorical` and is numbered
            in sorted order.
        missing: whether empty cells, `NA` and `nan` stand for missing values.
    """
    path = Path(path).expanduser()
    return _found(path, _read_text(path), columns, labels, support, missing)


def read_parquet(
    path: str | Path,
    *,
    columns: Sequence[str] | None = None,
    labels: Any = None,
    support: Any = None,
    missing: bool = False,
) -> Found:
    """The same for a parquet file."""
    path = Path(path).expanduser()
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise DataError(f"{path}: reading parquet needs pyarrow; install it: pip install genlatent[parquet]") from error
    try:
        found = pyarrow.parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(f"{path}: truncated, or no parquet file ({str(error).splitlines()[0]})") from error
    series = {name: _parquet_series(found.column(name)) for name in found.column_names}
    return _found(path, Table(series), columns, labels, support, missing)


def _read_text(path: Path) -> Table:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            separator = max(SEPARATORS, key=file.readline().count)
            file.seek(0)
            head = next((line for line in csv.reader(file, delimiter=separator) if line), None)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a text table in UTF-8 ({error})") from error
    if head is None:
        raise DataError(f"{path}: the file is empty; nothing to learn from")
    header = any(_number(cell) is None for cell in head)
    columns = [name.strip() for name in head] if header else [str(number) for number in range(len(head))]
    if len(set(columns)) < len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise DataError(f"{path}: two columns are called {twice!r}; rename one")
    return _numbers(path, separator, header, columns) or _cells(path, separator, header, columns)


def _numbers(path: Path, separator: str, header: bool, columns: list[str]) -> Table | None:
    """The quick way, for tables of nothing but numbers."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a table without rows, which is refused elsewhere
            values = np.loadtxt(
                path, delimiter=separator, skiprows=int(header), ndmin=2, comments=None, encoding="utf-8-sig"
            )
    except ValueError:
        return None
    if values.shape[1] != len(columns) or np.isnan(values).any():
        return None
    return Table(dict(zip(columns, values.T, strict=True)))


def _cells(path: Path, separator: str, header: bool, columns: list[str]) -> Table:
    """Cell by cell, for tables with texts or gaps, and for sentences that name the line."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, delimiter=separator)
            rows = [(reader.line_num, row) for row in reader if row][int(header) :]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a text table in UTF-8 ({error})") from error
    for line, row in rows:
        if len(row) != len(columns):
            raise DataError(f"{path}: line {line} has {len(row)} cells where the first line has {len(columns)}")
    cells = zip(*(row for _, row in rows), strict=True) if rows else ([] for _ in columns)
    series = {name: _series(column) for name, column in zip(columns, cells, strict=True)}
    return Table(series, [line for line, _ in rows])


def _parquet_series(column: Any) -> np.ndarray:
    values = column.to_numpy()
    return values.astype(np.float64) if values.dtype.kind in "biuf" else _series(column.to_pylist())


def _number(cell: Any) -> float | None:
    """A cell as a number, NaN where it holds none, None where it holds text."""
    if isinstance(cell, str):
        cell = cell.strip()
        if cell.lower() in NO_VALUE:
            return float("nan")
    try:
        return float("nan") if cell is None else float(cell)
    except (TypeError, ValueError):
        return None


def _series(cells: Sequence[Any]) -> np.ndarray:
    """A column as float64, or as texts (None where empty) if any cell is no number."""
    values = [_number(cell) for cell in cells]
    if not any(value is None for value in values):
        return np.array(values, dtype=np.float64)
    return np.array([None if value != value else str(cell).strip() for cell, value in zip(cells, values)], dtype=object)


def _found(path: Path, table: Table, columns: Sequence[str] | None, labels: Any, support: Any, missing: bool) -> Found:
    known = list(table.columns)
    label_names = _label_names(labels)
    chosen = [name for name in known if name not in label_names] if columns is None else list(columns)
    for name in (*chosen, *label_names, *(support if isinstance(support, Mapping) else ())):
        if name not in known:
            raise DataError(f"{path}: no column is called {name!r}; {nearest(str(name), known)}")
    if not chosen or not len(table.columns[chosen[0]]):
        raise DataError(f"{path}: no {'rows' if chosen else 'columns'} to learn from")
    wanted = _supports(support, chosen)
    values = np.stack([_values(path, table, name, wanted.get(name), missing) for name in chosen], axis=1)
    x = torch.from_numpy(values.astype(np.float32))
    y = (
        _labels(path, table, label_names)
        if label_names
        else (None if labels is None else label_rows(labels, path.stem))
    )
    return Found(x, path.stem, y, _by_column(support, wanted, x, chosen), tuple(chosen), label_names)


def _label_names(labels: Any) -> tuple[str, ...]:
    if isinstance(labels, str):
        return (labels,)
    return tuple(labels) if isinstance(labels, (list, tuple)) and all(isinstance(n, str) for n in labels) else ()


def _supports(support: Any, columns: Sequence[str]) -> dict[str, str]:
    """The support that was declared for each column; columns without one are left out."""
    if support is None:
        return {}
    if isinstance(support, Mapping):
        return {str(name): str(kind) for name, kind in support.items()}
    kinds = names(support)
    return dict(zip(columns, kinds * len(columns) if len(kinds) == 1 else kinds, strict=False))


def _by_column(support: Any, wanted: dict[str, str], x: Tensor, columns: Sequence[str]) -> Support | None:
    """What the data set takes: a name for all columns, or one for each once they were told apart."""
    if not isinstance(support, Mapping):
        return support
    return tuple(wanted.get(name) or guess(x[:, number]) for number, name in enumerate(columns))


def _values(path: Path, table: Table, name: str, kind: str | None, missing: bool) -> np.ndarray:
    series = table.columns[name]
    if series.dtype == object:
        if kind != "categorical":
            row = next(number for number, text in enumerate(series) if text is not None and _number(text) is None)
            raise DataError(
                f"{path}: column {name!r} holds text ({series[row]!r} in {table.row(row)}); declare it "
                f"(support={{{name!r}: 'categorical'}}), use it as labels, or leave it out by columns="
            )
        series = _codes(series)
    empty = np.isnan(series)
    if empty.any() and not missing:
        raise DataError(
            f"{path}: no value in {table.row(int(empty.argmax()))}, column {name!r}, but no missing values were "
            "declared; declare them (missing=True) or fill them"
        )
    return series


def _codes(texts: np.ndarray) -> np.ndarray:
    """Texts as their numbers in sorted order, NaN where there is none."""
    known = {text: float(number) for number, text in enumerate(sorted({text for text in texts if text is not None}))}
    return np.array([known.get(text, np.nan) for text in texts])


def _labels(path: Path, table: Table, columns: Sequence[str]) -> Tensor:
    found = []
    for name in columns:
        series = table.columns[name]
        codes = _codes(series) if series.dtype == object else series
        if np.isnan(codes).any():
            row = int(np.isnan(codes).argmax())
            raise DataError(f"{path}: no label in {table.row(row)}, column {name!r}; every row needs one")
        found.append(label_rows(codes, f"{path}, column {name!r}"))
    return found[0] if len(found) == 1 else torch.stack(found, dim=1)
