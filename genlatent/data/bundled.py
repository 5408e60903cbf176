"""Real data that come with scikit-learn."""

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from genlatent.data.dataset import Dataset, Splits
from genlatent.data.splits import shuffled
from genlatent.errors import DataError

TRAINING_ROWS = 1297


def digits(*, rows: int = TRAINING_ROWS) -> Dataset:
    """Handwritten digits of 8x8 pixels with 17 grey levels, as k/16; split once and for all into 1297, 250 and 250.

    With `rows` only the first of the training rows are learned from.
    """
    if not 1 <= rows <= TRAINING_ROWS:
        raise DataError(f"digits: rows is 1 to {TRAINING_ROWS}, got {rows}")
    found = _table()
    x = torch.tensor(found[:, :-1], dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
    y = torch.tensor(found[:, -1], dtype=torch.int64)
    train, valid, test = shuffled(len(x), 250, 250, seed=0, name="digits")
    train, name = train[:rows], "digits" if rows == TRAINING_ROWS else f"digits, {rows} of them"
    labels = Splits(y[train], y[valid], y[test])
    return Dataset(x[train], x[valid], x[test], x.shape[1:], "unit", name, labels=labels, label_names=("digit",))


def _table() -> np.ndarray:
    """Pixels and digit of each row, from the file itself: starting scikit-learn takes longer than all else here."""
    package = find_spec("sklearn")
    places = [] if package is None else [Path(place) for place in package.submodule_search_locations or ()]
    for place in (place / "datasets" / "data" / "digits.csv.gz" for place in places):
        if place.is_file():
            with gzip.open(place, "rt", encoding="ascii") as lines:
                return np.loadtxt(lines, delimiter=",")
    from sklearn.datasets import load_digits  # where a later version keeps it elsewhere

    values, labels = load_digits(return_X_y=True)
    return np.column_stack((values, labels))
