"""What codes are worth: to classifiers that see few labels, to a decoder that sees few bits, and how wide they are."""

import contextlib
from dataclasses import replace
from typing import Any

from genlatent.data.dataset import Dataset
from genlatent.errors import DataError, Unsupported
from genlatent.evaluation.codes import encoded
from genlatent.evaluation.compression import compression_curve
from genlatent.evaluation.intrinsic import intrinsic_dimension
from genlatent.evaluation.probes import label_efficiency
from genlatent.evaluation.record import Record
from genlatent.evaluation.verbs import overridden

ROWS = 2000  # test rows whose codes' dimension is estimated


def representation_records(model: Any, data: Dataset, *, seed: int = 0) -> list[Record]:
    """Accuracy of probes by labels shown, where rows have classes; intrinsic dimension; distortion by bits of the code.

    What a code is too poor or of the wrong kind for is left out.
    """
    if not overridden(model, "encode") or model.conditional:
        raise Unsupported(f"{type(model).__name__} has no codes of rows alone, so nothing is asked about them")
    found = [one.record for one in label_efficiency(model, data, seed=seed)] if _classes(data) else []
    with contextlib.suppress(DataError):  # too few different codes to have neighbours
        found += _dimension(model, data, seed)
    if overridden(model, "decode"):
        found += _compressed(model, data)
    return found


def _classes(data: Dataset) -> bool:
    y = None if data.labels is None else data.labels.train
    return y is not None and y.dim() == 1 and not y.is_floating_point() and int((y >= 0).sum()) > 1


def _dimension(model: Any, data: Dataset, seed: int) -> list[Record]:
    records = intrinsic_dimension(encoded(model, data, seed=seed).test[:ROWS].float())
    return [replace(one, metric=f"{one.metric}, {one.method}") for one in records]


def _compressed(model: Any, data: Dataset) -> list[Record]:
    try:
        return [point.distortion for point in compression_curve(model, data)]
    except Unsupported:  # codes that are whole numbers already
        return []
