"""Data sets of which only a few training rows keep their labels, as semi-supervised learning is tested on."""

from dataclasses import replace

import torch
from torch import Tensor

from genlatent.data.dataset import Dataset, Splits
from genlatent.errors import DataError
from genlatent.numerics.randomness import stream

HIDDEN = -1


def hide_labels(data: Dataset, num_labels: int, seed: int = 0) -> Dataset:
    """The same data with the labels of all but `num_labels` training rows hidden, marked -1.

    Classes keep as many labels each, up to one; held-out labels stay.

    Args:
        data: with one label for each row.
        num_labels: how many training rows keep theirs.
        seed: of the choice.

    >>> from genlatent.data.bundled import digits
    >>> few = hide_labels(digits(), 100)
    >>> few.labels.train[few.labels.train >= 0].bincount().tolist()
    [10, 10, 10, 10, 10, 10, 10, 10, 10, 10]
    """
    if data.labels is None or data.labels.train.dim() != 1:
        raise DataError(f"{data.title} has no single label for each row, so there are none to hide")
    found = data.labels.train
    labelled = int((found >= 0).sum())
    if not 1 <= num_labels <= labelled:
        raise DataError(f"num_labels must be between 1 and the {labelled} labelled training rows, got {num_labels}")
    kept = chosen(found, num_labels, seed)
    labels = torch.full_like(found, HIDDEN).index_copy(0, kept, found[kept])
    return replace(data, labels=Splits(labels, *data.labels[1:]))


def chosen(labels: Tensor, number: int, seed: int) -> Tensor:
    """Row numbers drawn from each class in turn, so that none has two more than another while it has rows left."""
    order = torch.randperm(len(labels), generator=stream(seed, name="labels")).to(labels.device)
    shuffled = labels[order]
    turn = torch.stack([(shuffled == label).cumsum(0) * (shuffled == label) for label in labels.unique()]).sum(0)
    turn = torch.where(shuffled < 0, len(labels) + 1, turn)  # rows without a label come last
    return order[turn.argsort(stable=True)[:number]]
