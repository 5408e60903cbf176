"""What a linear classifier of the codes gets wrong."""

from collections.abc import Sequence
from typing import Any

from genlatent.evaluation.classification import wilson
from genlatent.evaluation.codes import codes_of
from genlatent.evaluation.probes import LinearProbe
from genlatent.reproduce.measured import Asked, Measure, Measured
from genlatent.reproduce.mistaken import PER_CENT
from genlatent.reproduce.two_sided import measure_of
from genlatent.reproduce.withheld import shown


class Probed:
    """Error of logistic regression on standardised codes of all training rows, in per cent, with Wilson's interval.

    Args:
        strengths: values of its C, of which the best on the validation part is taken.
    """

    metric, unit, sign = "error", "%", -1

    def __init__(self, strengths: Sequence[float] = (0.01, 0.1, 1.0)):
        self.strengths = tuple(LinearProbe(strengths).strengths)

    def pieces(self, rows: int) -> int:
        """One look is enough."""
        return 1

    def piece(self, asked: Asked, number: int) -> dict[str, Any]:
        """All rows."""
        codes = codes_of(asked.model, shown(asked.known, asked.x, asked.y))
        probe = LinearProbe(self.strengths).fit(codes.train, codes.valid)
        wrong = int((probe.predict(codes.test.codes) != codes.test.labels).sum())
        low, high = wilson(wrong, len(codes.test.labels))
        error = Measure(PER_CENT * wrong / len(codes.test.labels), (PER_CENT * low, PER_CENT * high))
        return Measured({self.metric: error}, True, "", f"{probe.method}, on the code").plain()

    def gathered(self, pieces: Sequence[dict[str, Any]]) -> Measured:
        """The one piece."""
        (only,) = pieces
        return Measured({self.metric: measure_of(only["measures"][self.metric])}, True, "", only["method"])
