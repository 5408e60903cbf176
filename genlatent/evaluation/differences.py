"""Two models on the same rows: the mean difference, row by row, and what to bear in mind of it."""

from collections.abc import Mapping
from typing import NamedTuple

from genlatent.evaluation.columns import Column
from genlatent.evaluation.entry import Entry
from genlatent.evaluation.record import VERDICTS, Record
from genlatent.evaluation.row_scores import LIKELIHOOD, RECONSTRUCTION, paired_gap

PAIRED = {LIKELIHOOD: 1.0, RECONSTRUCTION: -1.0}  # what is known row by row, and whether more is better
AT_LEAST, AT_MOST = (
    "the true difference is at least this in the mean",
    "the true difference is at most this in the mean",
)
OF_BOUNDS = "a difference of lower bounds"

Cells = Mapping[Column, Mapping[str, Record]]


class Difference(NamedTuple):
    """The first model's number less the second's, over the same rows."""

    first: str
    second: str
    column: Column
    record: Record


def paired(first: Entry, second: Entry, kind: str, cells: Cells) -> Difference | None:
    """The first less the second in the column that holds both; None where there is none, or rows are not known."""
    if kind not in first.rows or kind not in second.rows:
        return None
    columns = (column for column in cells if column.kind == kind)
    column = next((one for one in columns if {first.name, second.name} <= cells[one].keys()), None)
    if column is None:
        return None
    a, b = (cells[column][one.name] for one in (first, second))
    gap = paired_gap(first.rows[kind], second.rows[kind])
    rows = len(first.rows[kind].values)
    record = Record(
        f"{kind}, {first.name} less {second.name}",
        gap.mean,
        f"mean of {rows} differences, row by row",
        unit=column.unit,
        interval=gap.sides,
        rows=rows,
        data=a.data,
        binarisation=a.binarisation,
        verdict=max((a.verdict, b.verdict), key=VERDICTS.index),
        reason="; ".join(text for text in (_trouble(first, a), _trouble(second, b), _of_bounds(a, b)) if text),
    )
    return Difference(first.name, second.name, column, record)


def turned(difference: Difference) -> Difference:
    """The second less the first."""
    first, second, column, record = difference
    low, high = record.interval or (record.value, record.value)
    values = record.plain() | {"value": -record.value, "interval": (-high, -low)}
    values |= {"metric": f"{column.kind}, {second} less {first}", "reason": _turned_reason(record.reason)}
    return Difference(second, first, column, Record.from_plain(values))


def _turned_reason(reason: str) -> str:
    return reason.replace(AT_LEAST, "\0").replace(AT_MOST, AT_LEAST).replace("\0", AT_MOST)


def _of_bounds(first: Record, second: Record) -> str:
    a, b = (record.metric.endswith("lower bound") for record in (first, second))
    return OF_BOUNDS if a and b else AT_LEAST if a else AT_MOST if b else ""


def _trouble(one: Entry, record: Record) -> str:
    return "" if record.verdict == "ok" else f"the number of {one.name} is {record.verdict}"
