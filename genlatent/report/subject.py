"""What a report is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from genlatent.data.dataset import Dataset
from genlatent.evaluation.record import Record
from genlatent.model import Model


@dataclass(frozen=True)
class Subject:
    """A trained model and all that is known of it.

    Args:
        name: how it is called.
        model: ready to be asked, on the device where `data` are.
        data: what it was trained on, or is judged on.
        history: the lines of its `metrics.jsonl`.
        records: its judgements.
        facts: command and environment, by what they are.
        seed: of every draw that the report shows.
    """

    name: str
    model: Model
    data: Dataset
    history: Sequence[Mapping[str, Any]] = ()
    records: Sequence[Record] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
