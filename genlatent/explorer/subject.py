"""What the explorer plays with."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.model import Model

MOST_ROWS = 1000


class Subject(NamedTuple):
    """A trained model, and what is known of it and of its data; everything is in memory before the first request."""

    name: str
    model: Model
    about: Mapping[str, Any]  # of the data it was trained on, as a data set tells
    rows: Tensor | None = None  # held-out rows, as examples and to find out where codes lie
    labels: Tensor | None = None  # of these rows
    history: Sequence[Mapping[str, Any]] = ()  # metrics of the training
    report: str | None = None  # the page of :mod:`genlatent.report`
    seed: int = 0


def with_rows(subject: Subject, data: Dataset) -> Subject:
    """The subject with the first held-out rows of a data set, and their labels where they have some."""
    labels = None if data.labels is None else data.labels.test[:MOST_ROWS]
    return subject._replace(rows=data.test[:MOST_ROWS], labels=labels)
