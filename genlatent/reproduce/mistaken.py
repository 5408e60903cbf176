"""How often a classifier is wrong."""

from collections.abc import Sequence
from typing import Any

from genlatent.errors import DataError
from genlatent.evaluation.classification import accuracy
from genlatent.reproduce.measured import Asked, Measure, Measured
from genlatent.reproduce.two_sided import measure_of

PER_CENT = 100


class Mistaken:
    """Share of rows whose likeliest class is not theirs, in per cent, with Wilson's interval."""

    metric, unit, sign = "error", "%", -1

    def pieces(self, rows: int) -> int:
        """One look is enough."""
        return 1

    def piece(self, asked: Asked, number: int) -> dict[str, Any]:
        """All rows."""
        if asked.y is None or not hasattr(asked.model, "predict"):
            raise DataError(f"{type(asked.model).__name__} on these data has no classes to be wrong about")
        found = accuracy(asked.model, asked.x, asked.y)
        assert found.interval is not None
        low, high = found.interval
        error = Measure(PER_CENT * (1 - found.value), (PER_CENT * (1 - high), PER_CENT * (1 - low)))
        return Measured({self.metric: error}, True, "", found.method).plain()

    def gathered(self, pieces: Sequence[dict[str, Any]]) -> Measured:
        """The one piece."""
        (only,) = pieces
        return Measured({self.metric: measure_of(only["measures"][self.metric])}, True, "", only["method"])
