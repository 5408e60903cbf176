"""Tables as files: `.csv` and `.parquet`, each there whole or not at all."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from genlatent.data.columns import as_texts
from genlatent.data.notes import Note, in_schema, write_beside
from genlatent.data.table import Table
from genlatent.errors import DataError
from genlatent.storage import new_file, write_text

ENDINGS = (".csv", ".parquet")


def write_table(table: Table, path: str | Path, note: Note | None = None) -> None:
    """Write a table in the format that the ending of the file's name says; a gap is an empty cell.

    A note stands in the schema of a `.parquet` file, and beside a `.csv` file.

    Columns that have no names but their numbers are written without a header, as they were read.
    """
    path = Path(path).expanduser()
    if path.suffix.lower() == ".csv":
        write_text(path, _csv(table))
        write_beside(path, note)
    elif path.suffix.lower() == ".parquet":
        _write_parquet(table, path, note)
    else:
        raise DataError(f"{path}: tables are written as {' or '.join(ENDINGS)}; choose such an ending")


def write_npy(x: np.ndarray, path: str | Path) -> None:
    """Write one array as numpy does, but through Python's files: numpy's own writing says not why it failed."""
    with new_file(Path(path)) as temporary, temporary.open("wb") as file:
        np.save(_Plain(file.write), x, allow_pickle=False)  # pyright: ignore[reportArgumentType]  (it has all it takes)


class _Plain(NamedTuple):
    """All that numpy needs of a file that it does not look into."""

    write: Callable[[bytes], int]


def _csv(table: Table) -> str:
    text, names = io.StringIO(newline=""), list(table.columns)
    writer = csv.writer(text, lineterminator="\n")
    if names != [str(number) for number in range(len(names))]:
        writer.writerow(names)
    writer.writerows(zip(*(["" if cell is None else cell for cell in as_texts(c)] for c in table.columns.values())))
    return text.getvalue()


def _write_parquet(table: Table, path: Path, note: Note | None) -> None:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise DataError(f"{path}: writing parquet needs pyarrow; install it: pip install genlatent[parquet]") from error
    columns = {
        name: pyarrow.array(list(column) if column.dtype == object else column, mask=_gaps(column))
        for name, column in table.columns.items()
    }
    made = pyarrow.table(columns)
    with new_file(path) as temporary:
        pyarrow.parquet.write_table(made.replace_schema_metadata(in_schema(note)), temporary)


def _gaps(column: np.ndarray) -> np.ndarray | None:
    return np.isnan(column) if column.dtype.kind == "f" else None
