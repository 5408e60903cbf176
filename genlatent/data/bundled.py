"""Real data that come with scikit-learn."""

from typing import Any

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
    from sklearn.datasets import load_digits

    found: Any = load_digits()
    x = torch.tensor(found.images, dtype=torch.float32).unsqueeze(1) / 16
    y = torch.tensor(found.target, dtype=torch.int64)
    train, valid, test = shuffled(len(x), 250, 250, seed=0, name="digits")
    train, name = train[:rows], "digits" if rows == TRAINING_ROWS else f"digits, {rows} of them"
    labels = Splits(y[train], y[valid], y[test])
    return Dataset(x[train], x[valid], x[test], x.shape[1:], "unit", name, labels=labels, label_names=("digit",))
