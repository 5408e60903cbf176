"""One model's line in a comparison: its records, and the numbers behind them row by row."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.data.fingerprints import fingerprint
from genlatent.distributions.supports import names
from genlatent.evaluation.annealed import RUNS, STEPS
from genlatent.evaluation.collapse import ACTIVE, active_records
from genlatent.evaluation.evaluate import judge
from genlatent.evaluation.likelihood import DISCRETE, METRIC
from genlatent.evaluation.record import Record
from genlatent.evaluation.row_scores import (
    LIKELIHOOD,
    RECONSTRUCTION,
    RowScores,
    log_likelihoods,
    reconstruction_errors,
)
from genlatent.model import Model

BITS = "bits per dimension"
GIVEN = "given labels"


@dataclass(frozen=True)
class Entry:
    """What a comparison knows of one model.

    Args:
        name: how it is called.
        kind: its class.
        family: `autoencoder`, `energy` or `latent`.
        records: its judgements.
        rows: numbers for each test row, by the kind of judgement.
        fingerprint: of the test rows.
        measure: what its likelihood is one of: `` for probabilities of values, `density`, `given labels`.
        parameters: how many numbers it learned.
        minutes: that its training took; None where nobody knows.
    """

    name: str
    kind: str
    family: str
    records: tuple[Record, ...]
    rows: Mapping[str, RowScores] = field(default_factory=dict)
    fingerprint: str = ""
    measure: str = ""
    parameters: int = 0
    minutes: float | None = None


def entry(
    name: str,
    model: Model,
    data: Dataset,
    records: Sequence[Record] | None = None,
    *,
    samples: int = 500,
    seed: int = 0,
    effort: tuple[int, int] = (RUNS, STEPS),
    state: Mapping[str, Tensor] | None = None,
    also: Sequence[str] = (),
    rows: Mapping[str, RowScores] | None = None,
    minutes: float | None = None,
) -> Entry:
    """A model and its judgements.

    Args:
        name: how it is called.
        model: of any family, on the device where `data` are.
        data: its test rows are judged.
        records: what :func:`.evaluate` found with the same arguments; without them it is asked.
        samples, seed, effort, state, also: as in :func:`.evaluate`.
        rows: what :func:`.judge` found row by row beside the records; found again where it is not given.
        minutes: that its training took.
    """
    if records is None:
        records, rows = judge(model, data, samples=samples, seed=seed, effort=effort, state=state, also=also)
    training = model.training
    model.eval()
    try:
        more = [replace(one, data=data.title, binarisation=data.binarisation) for one in _more(model, data, records)]
        behind = _rows(model, data, records, samples, seed, rows or {})
    finally:
        model.train(training)
    return Entry(
        name,
        type(model).__name__,
        model.family,
        (*records, *more),
        behind,
        fingerprint(data.test),
        _measure(model),
        sum(p.numel() for p in model.parameters() if p.requires_grad),
        minutes,
    )


def _more(model: Any, data: Dataset, records: Sequence[Record]) -> list[Record]:
    """What a comparison shows beside the records, where they do not hold it already."""
    known, found = {one.metric.split(",")[0] for one in records}, []
    quoted = next((one for one in records if one.metric in (LIKELIHOOD, METRIC)), None)
    if quoted is not None and BITS not in known and _discrete(model):
        found.append(in_bits(quoted, model.event_shape.numel()))
    if not any(one.startswith(ACTIVE) for one in known):
        found += active_records(model, model.shaped(data.test), _told(model, data))
    return found


def in_bits(quoted: Record, dimensions: int) -> Record:
    r"""A log-likelihood as :math:`-\log_2 p(x) / D`; the lower bound becomes an upper one.

    >>> in_bits(Record("log-likelihood, lower bound", -8 * math.log(2), "exact", unit="nats"), 8).value
    1.0
    """
    scale = -1 / (math.log(2) * dimensions)
    sides = None if quoted.interval is None else (scale * quoted.interval[1], scale * quoted.interval[0])
    metric = BITS if quoted.metric == LIKELIHOOD else f"{BITS}, upper bound"
    return replace(quoted, metric=metric, value=scale * quoted.value, interval=sides, unit="bits")


def _rows(
    model: Any, data: Dataset, records: Sequence[Record], samples: int, seed: int, known: Mapping[str, RowScores]
) -> dict[str, RowScores]:
    x, y = model.shaped(data.test), _told(model, data)
    likely = known.get(LIKELIHOOD) or log_likelihoods(model, x, records, samples=samples, seed=seed, y=y)
    found = {LIKELIHOOD: likely}
    if any(one.metric == RECONSTRUCTION for one in records):
        found[RECONSTRUCTION] = reconstruction_errors(model, x, y)
    return {kind: rows for kind, rows in found.items() if rows is not None}


def _told(model: Any, data: Dataset) -> Tensor | None:
    return data.labels.test if model.conditional and data.labels is not None else None


def _measure(model: Any) -> str:
    """What keeps numbers apart that the same rows give: a density is no probability, nor is one given labels."""
    if model.conditional:
        return GIVEN
    return "" if model.family == "autoencoder" or _discrete(model) else "density"


def _discrete(model: Any) -> bool:
    return {name.partition(":")[0] for name in names(model.support)} <= {*DISCRETE}
