"""Tables read from `.csv` and `.parquet` files, columns by name."""

import csv
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from genlatent.data.archives import DAMAGED
from genlatent.data.columns import Asked, rows_of_table
from genlatent.data.memory import host_share, refuse_beyond_host
from genlatent.data.own import Found
from genlatent.data.table import Table, number
from genlatent.errors import DataError
from genlatent.storage import spelt_out

SEPARATORS = ",;\t"

LONGEST_LINE = 4 * 2**20  # bytes
MOST_COLUMNS = 100_000
CELL = 100  # bytes of memory for each cell of a table that holds texts or gaps
LARGER = "write it as a .npy file, which is read in blocks where it is large"


def read_csv(
    path: str | Path,
    *,
    columns: Sequence[str] | None = None,
    labels: Any = None,
    conditions: Any = None,
    support: Any = None,
    categories: Mapping[str, Sequence[str]] | None = None,
    missing: bool = False,
) -> Found:
    """A table of numbers, separated by commas, semicolons or tabs; a first line that holds text names the columns.

    Args:
        columns: the columns to learn from, all but labels and conditions if left out.
        labels: the column, or columns, of the labels; texts are numbered in sorted order. Or an array.
        support: one for all columns, or by column; a column of texts is taken only as `categorical` and is numbered
            in sorted order. `auto` takes every column of texts so.
        conditions: the column, or columns, of numbers that a conditional model is told. Or an array, or its file.
        categories: by column, the texts in the order of their numbers, where that shall not be the sorted order.
        missing: whether empty cells, `NA` and `nan` stand for missing values.
    """
    path = spelt_out(path)
    return rows_of_table(path, _read_text(path), Asked(columns, labels, conditions, support, categories, missing))


def own_cells(path: str | Path) -> Table:
    """A table just as its file has it: every column, numbers in float64."""
    path = spelt_out(path)
    return _read_columns(path) if path.suffix.lower() == ".parquet" else _read_text(path)


def read_parquet(
    path: str | Path,
    *,
    columns: Sequence[str] | None = None,
    labels: Any = None,
    conditions: Any = None,
    support: Any = None,
    categories: Mapping[str, Sequence[str]] | None = None,
    missing: bool = False,
) -> Found:
    """The same for a parquet file."""
    path = spelt_out(path)
    return rows_of_table(path, _read_columns(path), Asked(columns, labels, conditions, support, categories, missing))


def _read_columns(path: Path) -> Table:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise DataError(f"{path}: reading parquet needs pyarrow; install it: pip install genlatent[parquet]") from error
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            _refuse_twice(path, file.schema_arrow.names)
            found = pyarrow.Table.from_batches(_batches(path, file), file.schema_arrow)
        return Table({name: _parquet_series(found.column(name)) for name in found.column_names})
    except DataError:
        raise
    except (*DAMAGED, pyarrow.ArrowException) as error:
        raise DataError(f"{path}: truncated, or no parquet file ({error})") from error


def _batches(path: Path, file: Any) -> Iterator[Any]:
    """Some rows after another, so that a small file that stands for many rows is refused in time."""
    size = 0
    for batch in file.iter_batches():
        size += batch.nbytes
        refuse_beyond_host(4 * size, path, LARGER)
        yield batch


def _refuse_twice(path: Path, columns: Sequence[str]) -> None:
    if len(columns) > MOST_COLUMNS:
        raise DataError(f"{path}: {len(columns)} columns, and {MOST_COLUMNS} are the most in a table; {LARGER}")
    if len(set(columns)) < len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise DataError(f"{path}: two columns are called {twice!r}; rename one")


def _read_text(path: Path) -> Table:
    """Memory for a table of numbers: up to four times its file; with texts or gaps, about 100 bytes for a cell."""
    refuse_beyond_host(4 * path.stat().st_size, path, LARGER)
    _refuse_long_lines(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            separator = max(SEPARATORS, key=file.readline().count)
            file.seek(0)
            head = next((line for line in csv.reader(file, delimiter=separator) if line), None)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a text table in UTF-8 ({error})") from error
    if head is None:
        raise DataError(f"{path}: the file is empty; nothing to learn from")
    header = any(number(cell) is None for cell in head)
    columns = [name.strip() for name in head] if header else [str(number) for number in range(len(head))]
    _refuse_twice(path, columns)
    return _numbers(path, separator, header, columns) or _cells(path, separator, header, columns)


def _refuse_long_lines(path: Path) -> None:
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE + 1), b""), 1):
            if len(line) > LONGEST_LINE:
                raise DataError(f"{path}: line {number} has more than {LONGEST_LINE} bytes; is this a table?")


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
            rows = list(_rows(path, reader))[int(header) :]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a text table in UTF-8 ({error})") from error
    for line, row in rows:
        if len(row) != len(columns):
            raise DataError(f"{path}: line {line} has {len(row)} cells where the first line has {len(columns)}")
    cells = zip(*(row for _, row in rows), strict=True) if rows else ([] for _ in columns)
    series = {name: _series(column) for name, column in zip(columns, cells, strict=True)}
    return Table(series, [line for line, _ in rows])


def _rows(path: Path, reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Rows and their lines, as long as their cells find room."""
    cells, most = 0, host_share() / CELL
    for row in reader:
        cells += len(row)
        if cells > most:
            refuse_beyond_host(CELL * cells, path, "leave no texts or gaps in it, or give fewer rows")
        if row:
            yield reader.line_num, row


def _parquet_series(column: Any) -> np.ndarray:
    values = column.to_numpy()
    return values.astype(np.float64) if values.dtype.kind in "biuf" else _series(column.to_pylist())


def _series(cells: Sequence[Any]) -> np.ndarray:
    """A column as float64, or as texts (None where empty) if any cell is no number."""
    values = [number(cell) for cell in cells]
    if not any(value is None for value in values):
        return np.array(values, dtype=np.float64)
    return np.array([None if value != value else str(cell).strip() for cell, value in zip(cells, values)], dtype=object)
