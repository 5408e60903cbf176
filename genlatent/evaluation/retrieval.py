"""Do rows with near codes have the same class?"""

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.errors import DataError
from genlatent.evaluation.codes import Part, codes_of
from genlatent.evaluation.likelihood import mean_interval
from genlatent.evaluation.record import Record

QUERIES_AT_ONCE = 256


def precision_at(queries: Part, gallery: Part, k: int = 10) -> Float[Tensor, " _"]:
    """Of each query, the share of the k nearest rows of the gallery that have its class."""
    if not 1 <= k <= len(gallery.labels):
        raise DataError(f"k must lie between 1 and the {len(gallery.labels)} rows of the gallery, got {k}")
    return torch.cat([same[:, :k].double().mean(1) for same in _ranked(queries, gallery)])


def average_precision(queries: Part, gallery: Part) -> Float[Tensor, " _"]:
    r"""Of each query, the mean precision at the ranks where a row of its class stands,

    .. math:: \frac{1}{|R|} \sum_{r \in R} \frac{|\{s \in R : s \le r\}|}{r}

    Queries of a class that the gallery does not have are left out.

    References:
        Introduction to information retrieval, chapter 8 (Manning, Raghavan and Schuetze, 2008)
    """
    found = []
    for same in _ranked(queries, gallery):
        hits = same.double()
        precision = hits.cumsum(1) / torch.arange(1, hits.shape[1] + 1, device=hits.device)
        total = hits.sum(1)
        found.append(((precision * hits).sum(1) / total)[total > 0])
    return torch.cat(found)


def retrieval(model: Any, data: Dataset, k: int = 10) -> list[Record]:
    """Precision at k and mean average precision of test rows among training rows, by distance of standardised codes."""
    codes = codes_of(model, data)
    found = {
        f"precision at {k}": precision_at(codes.test, codes.train, k),
        "mean average precision": average_precision(codes.test, codes.train),
    }
    return [_record(name, rows, data) for name, rows in found.items()]


def _record(name: str, rows: Tensor, data: Dataset) -> Record:
    interval = mean_interval(rows)
    return Record(
        name,
        interval.mean,
        "training rows by distance of standardised codes",
        interval=interval.sides,
        rows=len(rows),
        data=data.title,
        binarisation=data.binarisation,
    )


def _ranked(queries: Part, gallery: Part) -> Iterator[Bool[Tensor, "query rank"]]:
    """Whether the row of the gallery at each rank, nearest first, has the query's class; equal distances in order."""
    for codes, labels in zip(queries.codes.split(QUERIES_AT_ONCE), queries.labels.split(QUERIES_AT_ONCE)):
        order = torch.cdist(codes.double(), gallery.codes.double()).argsort(dim=1, stable=True)
        yield gallery.labels[order] == labels[:, None]
