"""Where the files of named data sets are: the folder that `GENLATENT_DATA` names."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from genlatent.data.archives import DAMAGED, read_archive
from genlatent.data.catalogue import NAMED
from genlatent.errors import DataError

VARIABLE = "GENLATENT_DATA"


def data_folder() -> Path:
    """The folder that `GENLATENT_DATA` names, or `~/.cache/genlatent`."""
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser() if named else Path.home() / ".cache" / "genlatent"


def advice(name: str) -> str:
    """What to do about a file that is missing or damaged."""
    folder = NAMED[name].folder
    return f"get it by `genlatent data fetch {name}`, or set {VARIABLE} to a folder that holds {folder}/"


def place(name: str, file: str) -> Path:
    """Path of one file of a named data set, or a sentence where it is missing."""
    path = data_folder() / str(NAMED[name].folder) / file
    if not path.is_file():
        raise DataError(f"{path}: there is no such file, which {name} is read from; {advice(name)}")
    return path


def arrays(name: str, file: str, keys: Sequence[str]) -> dict[str, np.ndarray]:
    """Arrays of an `.npz` file of a named data set, by key."""
    path = place(name, file)
    try:
        return read_archive(path, keys)
    except DataError:
        raise
    except KeyError as error:
        wanted = ", ".join(keys)
        raise DataError(f"{path}: {error.args[0]}, expected {wanted}; {advice(name)}") from error
    except DAMAGED as error:
        raise DataError(f"{path}: truncated or damaged ({error}), expected an .npz archive; {advice(name)}") from error


def unpacked(name: str, bits: np.ndarray, stated: np.ndarray) -> np.ndarray:
    """Rows of packed bits as bytes 0 and 1, in the shape that the file states."""
    shape = tuple(int(size) for size in stated)
    width = int(np.prod(shape[1:]))
    wanted = (shape[0], -(-width // 8))
    if bits.shape != wanted or bits.dtype != np.uint8:
        raise DataError(f"{name}: packed bits of shape {bits.shape} where rows {shape} need {wanted}; {advice(name)}")
    return np.unpackbits(bits, axis=1, count=width).reshape(shape)
