"""Data without their test part: what is trained and chosen on sees no row of it."""

import copy

from torch import Tensor

from genlatent.data.dataset import Dataset


def withheld(data: Dataset) -> Dataset:
    """The same data, by title and fingerprint, with the validation part in the place of the test part.

    >>> from genlatent import load_data
    >>> digits = load_data("digits")
    >>> withheld(digits).test is digits.valid, withheld(digits).fingerprint == digits.fingerprint
    (True, True)
    """
    return shown(data, data.valid, None if data.labels is None else data.labels.valid)


def shown(data: Dataset, rows: Tensor, labels: Tensor | None) -> Dataset:
    """The same data with these rows in the place of the test part."""
    kept = copy.copy(data)  # checked and fingerprinted already
    object.__setattr__(kept, "test", rows)
    if data.labels is not None and labels is not None:
        object.__setattr__(kept, "labels", data.labels._replace(test=labels))
    return kept
