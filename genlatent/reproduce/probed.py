"""What a linear classifier of the codes gets wrong."""

from collections.abc import Sequence
from typing import Any

from genlatent.data.hidden_labels import chosen
from genlatent.errors import RecipeError
from genlatent.evaluation.classification import wilson
from genlatent.evaluation.codes import Codes, Part, check_scale, codes_of
from genlatent.evaluation.probes import LinearProbe
from genlatent.reproduce.measured import Asked, Measure, Measured
from genlatent.reproduce.mistaken import PER_CENT
from genlatent.reproduce.two_sided import measure_of
from genlatent.reproduce.withheld import shown


class Probed:
    """Error of logistic regression on standardised codes of the training rows, in per cent, with Wilson's interval.

    With numbers of labels there is one error for each: the rows that show theirs are those that a data set with
    `num_labels` and this seed shows, and the strength is chosen on no more validation rows than that.

    Args:
        strengths: values of its C, of which the best on the validation part is taken.
        labels: how many training rows show their label; all of them unless given.
        scale: of the codes, as :func:`.codes_of` has it.
    """

    metric, unit, sign = "error", "%", -1

    def __init__(self, strengths: Sequence[float] = (0.01, 0.1, 1.0), labels: Sequence[int] = (), scale: str = "each"):
        check_scale(scale)
        if any(count < 2 for count in labels):
            raise RecipeError(f"labels are numbers of at least 2, got {list(labels)}")
        self.strengths, self.labels = tuple(LinearProbe(strengths).strengths), tuple(labels)
        self.scale = scale

    def pieces(self, rows: int) -> int:
        """One look is enough."""
        return 1

    def piece(self, asked: Asked, number: int) -> dict[str, Any]:
        """All rows, for each number of labels."""
        codes = codes_of(asked.model, shown(asked.known, asked.x, asked.y), self.scale)
        if not self.labels:
            error, method = self._error(codes)
            return Measured({self.metric: error}, True, "", f"{method}, on the code").plain()
        found = {few(count): self._error(showing(codes, count, asked.seed)) for count in self.labels}
        method = f"logistic regression on the code; {'; '.join(f'{n}: {m}' for n, (_, m) in found.items())}"
        return Measured({name: error for name, (error, _) in found.items()}, True, "", method).plain()

    def _error(self, codes: Codes) -> tuple[Measure, str]:
        probe = LinearProbe(self.strengths).fit(codes.train, codes.valid)
        wrong, rows = int((probe.predict(codes.test.codes) != codes.test.labels).sum()), len(codes.test.labels)
        low, high = wilson(wrong, rows)
        return Measure(PER_CENT * wrong / rows, (PER_CENT * low, PER_CENT * high)), probe.method

    def gathered(self, pieces: Sequence[dict[str, Any]]) -> Measured:
        """The one piece."""
        (only,) = pieces
        return Measured({k: measure_of(m) for k, m in only["measures"].items()}, True, "", only["method"])


def few(count: int) -> str:
    """What the error with so many labels is called."""
    return f"{count} labels"


def showing(codes: Codes, count: int, seed: int) -> Codes:
    """The codes of so many training rows, evenly over the classes, and of as many validation rows."""
    if count > len(codes.train.labels):
        raise RecipeError(f"labels: {count} of {len(codes.train.labels)} labelled training rows cannot be shown")
    train, valid = (_rows(part, chosen(part.labels, count, seed)) for part in (codes.train, codes.valid))
    return Codes(train, valid, codes.test)


def _rows(part: Part, rows: Any) -> Part:
    return Part(part.codes[rows], part.labels[rows])
