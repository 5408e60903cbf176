"""Do the codes fall into the classes by themselves?"""

from typing import Any

import torch
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from genlatent.data.dataset import Dataset
from genlatent.errors import DataError
from genlatent.evaluation.codes import Labels, Rows, codes_of
from genlatent.evaluation.record import Record

STARTS = 10


def clusters(codes: Rows, count: int, *, seed: int = 0) -> Labels:
    """The cluster of each row by k-means, the best of 10 starts."""
    if not 2 <= count <= len(codes):
        raise DataError(f"the number of clusters must lie between 2 and the {len(codes)} rows, got {count}")
    found = KMeans(count, n_init=STARTS, random_state=seed).fit_predict(codes.double().numpy(force=True))  # pyright: ignore[reportArgumentType]
    return torch.from_numpy(found).long().to(codes.device)


def agreement(found: Labels, labels: Labels) -> tuple[float, float]:
    r"""Adjusted Rand index and normalised mutual information of two ways to group the same rows.

    .. math:: \mathrm{ARI} = \frac{R - \mathbb{E} R}{\max R - \mathbb{E} R}, \qquad
        \mathrm{NMI} = \frac{2 I(a; b)}{H(a) + H(b)}

    Both are 1 for the same groups, whatever they are called; ARI is 0 in the mean for random ones.

    References:
        Comparing partitions (Hubert and Arabie, 1985)

    >>> agreement(torch.tensor([0, 0, 1, 1]), torch.tensor([5, 5, 3, 3]))
    (1.0, 1.0)
    """
    a, b = found.numpy(force=True), labels.numpy(force=True)
    return float(adjusted_rand_score(a, b)), float(normalized_mutual_info_score(a, b))


def clustering(model: Any, data: Dataset, *, seed: int = 0) -> list[Record]:
    """How well k-means on the standardised codes of test rows finds their classes, one cluster for each class."""
    test = codes_of(model, data).test
    kinds = len(test.labels.unique())
    values = agreement(clusters(test.codes, kinds, seed=seed), test.labels)
    names = ("adjusted Rand index", "normalised mutual information")
    method = f"k-means, {kinds} clusters, best of {STARTS} starts"
    where = {"rows": len(test.labels), "data": data.title, "binarisation": data.binarisation}
    return [Record(name, value, method, **where) for name, value in zip(names, values)]
