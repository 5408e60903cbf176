"""All sample-quality scores of a model, as records."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.evaluation.classification import wilson
from genlatent.evaluation.quality.discrepancy import chance, squared_discrepancy
from genlatent.evaluation.quality.features import Features, learned
from genlatent.evaluation.quality.frechet import frechet_distance
from genlatent.evaluation.quality.memory import copied
from genlatent.evaluation.quality.support import support_of
from genlatent.evaluation.quality.two_sample import told_apart
from genlatent.evaluation.record import Record

SAMPLES = 1000
TRAINED = 10_000  # training rows that features and memory look at


def sample_quality(
    model: Any, data: Dataset, *, samples: int = SAMPLES, seed: int = 0, generator: torch.Generator | None = None
) -> list[Record]:
    """Samples against the test rows; as many rows of each are compared as the smaller set has."""
    test = data.test
    count = min(samples, len(test))
    drawn = model.sample(count, generator=generator)
    train = data.glimpse(min(TRAINED, len(data.train)))
    labels = None if data.labels is None else data.labels.train[: len(train)]
    features, called = learned(train, labels, seed=seed)
    return list(compared(drawn, test[:count], train, features, called, seed=seed))


def compared(
    drawn: Tensor, test: Tensor, train: Tensor, features: Features, called: str, *, seed: int = 0
) -> Iterator[Record]:
    """The same of samples that are there already."""
    x, y, count = features(test), features(drawn), len(drawn)
    votes = told_apart(x, y, seed=seed)
    interval = wilson(votes.hits, votes.total)
    yield Record("told apart", votes.share, f"network on {called}; 0.5 is best", interval=interval, samples=count)
    p = chance(x, y, seed=seed)
    found = float(squared_discrepancy(x, y))
    yield Record("squared MMD", found, f"unbiased, {called}; p = {p:.3f} if they were alike", samples=count)
    yield Record("Frechet distance", float(frechet_distance(x, y)), called, samples=count)
    for name, value in support_of(x, y)._asdict().items():
        yield Record(name, value, f"balls of 5 neighbours, {called}", samples=count)
    flat = [rows.flatten(1) for rows in (drawn, train, test)]
    yield Record("copied", copied(*flat), "nearer to training rows than held-out rows are; 0.5 is best", samples=count)
