"""The columns of a comparison: what may stand under each other, and how a number is written there."""

from typing import NamedTuple

from genlatent.evaluation.entry import BITS, GIVEN, Entry
from genlatent.evaluation.record import Record, number
from genlatent.evaluation.row_scores import LIKELIHOOD, RECONSTRUCTION

SIGNS = {"lower bound": "≥ ", "upper bound": "≤ "}
SHOWN = (LIKELIHOOD, BITS, "pseudo-log-likelihood", RECONSTRUCTION, "accuracy", "active units")
MEASURED = (LIKELIHOOD, BITS, "evidence lower bound", "pseudo-log-likelihood")  # what a density is another kind of


class Column(NamedTuple):
    """What may stand under each other: one kind of judgement, of one data set, in one unit."""

    kind: str
    unit: str
    data: str
    measure: str = ""

    @property
    def title(self) -> str:
        """What it holds, and of which data."""
        return f"{self.head}: {self.data}"

    @property
    def head(self) -> str:
        """What it holds; enough where all columns are of the same data."""
        unit = "" if self.unit in ("", "bits") else f", {self.unit}"
        return f"{self.kind}{f' ({self.measure})' if self.measure else ''}{unit}"


def column_of(one: Entry, record: Record, merged: bool) -> Column:
    """Where a record stands; bounds stand with what they bound, and are marked, unless there is something already."""
    kind = record.metric.rpartition(", ")[0] if merged else record.metric
    known = MEASURED if one.measure != GIVEN else (*MEASURED, RECONSTRUCTION)
    return Column(kind, record.unit, record.data, one.measure if kind.split(",")[0] in known else "")


def shown(record: Record, *, verdict: bool = True) -> str:
    """A number with its interval, the sign of a bound, and its verdict unless it is `ok`.

    >>> shown(Record("log-likelihood, lower bound", -9.5, "by hand", "nats", (-10, -9), verdict="failed", reason="so"))
    '≥ -9.500 [-10.000, -9.000] failed'
    """
    sign = next((sign for bound, sign in SIGNS.items() if bound in record.metric.split(", ")), "")
    sides = "" if record.interval is None else f" [{number(record.interval[0])}, {number(record.interval[1])}]"
    mark = f" {record.verdict}" if verdict and record.verdict != "ok" else ""
    value = f"{record.value:.0f}" if record.metric.startswith("active units") else number(record.value)
    return f"{sign}{value}{sides}{mark}"


def place(column: Column) -> int:
    """Where a column stands among the others."""
    return SHOWN.index(column.kind) if column.kind in SHOWN else len(SHOWN)
