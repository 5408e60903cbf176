"""What a judge finds of one trained model, and what every judge promises."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.sampling.driver import Progress

Interval = tuple[float, float]


class Measure(NamedTuple):
    """A number and where it lies with 95 % confidence, were other rows or other draws taken."""

    value: float
    interval: Interval | None = None


class Measured(NamedTuple):
    """All that was found; the first measure is the one that a record is known by.

    Args:
        measures: by name.
        sound: whether the number can be believed.
        reason: why not, or what to bear in mind.
        method: how it was found.
    """

    measures: dict[str, Measure]
    sound: bool
    reason: str
    method: str

    def plain(self) -> dict[str, Any]:
        """Plain values."""
        measures = {name: {"value": m.value, "interval": m.interval} for name, m in self.measures.items()}
        return {"measures": measures, "sound": self.sound, "reason": self.reason, "method": self.method}


class Asked(NamedTuple):
    """What a judge is handed.

    Args:
        model: trained, on the device of the rows.
        x, y: rows to judge on, and their labels.
        known: the data without their test part, on the same device.
        learned: rows that the model learned from, as it saw them.
        chains: that its training ended with, by layer.
        seed: of every draw.
        progress: called with steps done and steps in all.
    """

    model: Any
    x: Tensor
    y: Tensor | None
    known: Dataset
    learned: Tensor
    chains: Mapping[str, Tensor] | None
    seed: int
    progress: Progress | None = None


@runtime_checkable
class Judge(Protocol):
    """Judges a model in pieces, each of which is kept, so that a long judgement can be stopped between two."""

    metric: str  # what the first measure is
    unit: str
    sign: int  # 1 where more is better, -1 where less is

    def pieces(self, rows: int) -> int:
        """How many pieces there are when so many rows are judged on."""
        ...

    def piece(self, asked: Asked, number: int) -> dict[str, Any]:
        """One piece, as plain values."""
        ...

    def gathered(self, pieces: Sequence[dict[str, Any]]) -> Measured:
        """What all pieces say together."""
        ...
