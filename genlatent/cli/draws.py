"""Rows of a model on disk: pictures, arrays or tables, by the ending of the name; each is there whole or not at all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from genlatent.cli.streams import is_stream
from genlatent.data.images import write_folder
from genlatent.data.notes import write_beside
from genlatent.data.npz import write_npz
from genlatent.data.restored import to_table
from genlatent.data.standards import in_own_units
from genlatent.data.written import write_npy, write_table
from genlatent.errors import RecipeError, RunError
from genlatent.plots.grids import image_grid
from genlatent.plots.writing import save
from genlatent.registry import nearest

TABLES = (".csv", ".parquet")
ENDINGS = (".png", ".npy", ".npz", *TABLES)


def default_place(about: Mapping[str, Any], name: str) -> Path:
    """The file that is written where the user names none: a table for rows of a table, a picture otherwise.

    >>> default_place({"columns": ["age"]}, "samples").name
    'samples.csv'
    """
    return Path(f"{name}.csv" if about.get("columns") else f"{name}.png")


def check_ending(path: Path) -> None:
    """Refuse a name that says no known format, or a folder that is there already, before anything is computed."""
    ending = path.suffix.lower()
    if is_stream(path) and not ending:
        return
    if not ending and path.exists():
        raise RunError(f"{path} exists already; name a folder that does not, or a file ending in {', '.join(ENDINGS)}")
    if ending and ending not in ENDINGS:
        raise RecipeError(
            f"{path}: draws are written as {', '.join(ENDINGS)}, or into a folder of pictures; "
            f"{nearest(path.suffix, list(ENDINGS))}"
        )


def write(rows: np.ndarray | Tensor, path: Path, about: Mapping[str, Any], seed: int) -> None:
    """Write rows in the form of the data they imitate, with the seed inside or beside the file.

    A table has the columns, the texts and the whole numbers of the user's own; a name without an ending is a folder
    with one picture for each row.
    """
    check_ending(path)
    values = rows.numpy(force=True) if isinstance(rows, Tensor) else rows
    x, ending = values.reshape(len(values), *about.get("shape", values.shape[1:])), path.suffix.lower()
    if ending in TABLES:
        write_table(to_table(x, about), path, note(about, seed))
        return
    x = in_own_units(x, about).astype(values.dtype)
    if ending == ".png":
        save(image_grid(x), path, note=note(about, seed))
    elif not ending:
        write_folder(x, path, note(about, seed))
    else:
        _write_array(x, path, seed)
        write_beside(path, None if ending == ".npz" else note(about, seed))


def note(about: Mapping[str, Any], seed: int) -> dict[str, str]:
    """What is kept with draws: the seed that gives them again, and the data that they imitate."""
    return {"seed": str(seed), "data": str(about.get("title", ""))}


def _write_array(x: np.ndarray, path: Path, seed: int) -> None:
    if path.suffix.lower() == ".npy":
        write_npy(x, path)
        return
    write_npz(path, x=x, seed=np.array(seed, np.int64))
