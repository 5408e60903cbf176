"""Arrays of numbers and texts into one compressed file."""

from pathlib import Path

import numpy as np

from genlatent.errors import DataError
from genlatent.storage import new_file


def write_npz(path: str | Path, **arrays: np.ndarray) -> None:
    """Write arrays into one compressed file; none of objects, which would be pickled.

    That is looked at here: numpy before 2.0 knows no `allow_pickle` there, and stores it as an array of that name.
    """
    for name, values in arrays.items():
        if np.asarray(values).dtype.hasobject:
            raise DataError(f"{path}: {name} holds objects, which are not written; give numbers or texts")
    with new_file(Path(path)) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]  (its stubs take a name for its flag)
