"""Several models in one table: a column for each kind of judgement and each data set, differences row by row."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any, NamedTuple

from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.errors import DataError, RecipeError
from genlatent.evaluation.annealed import RUNS, STEPS
from genlatent.evaluation.entry import BITS, GIVEN, Entry, entry
from genlatent.evaluation.record import VERDICTS, Record, number
from genlatent.evaluation.row_scores import LIKELIHOOD, RECONSTRUCTION, paired_gap
from genlatent.model import Model

SIGNS = {"lower bound": "≥ ", "upper bound": "≤ "}
SHOWN = (LIKELIHOOD, BITS, "pseudo-log-likelihood", RECONSTRUCTION, "accuracy", "active units")
MEASURED = (LIKELIHOOD, BITS, "evidence lower bound", "pseudo-log-likelihood")  # what a density is another kind of
PAIRED = {LIKELIHOOD: 1.0, RECONSTRUCTION: -1.0}  # and whether more is better
NO_LIKELIHOOD = "none, reconstruction only"
PLAIN = ("class", "parameters", "minutes")


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


class Difference(NamedTuple):
    """The first model's number less the second's, over the same rows."""

    first: str
    second: str
    column: Column
    record: Record


@dataclass(frozen=True)
class Comparison:
    """Models side by side.

    Args:
        entries: one for each model, see :func:`.entry`.
    """

    entries: tuple[Entry, ...]

    def __post_init__(self):
        object.__setattr__(self, "entries", tuple(self.entries))
        names = [one.name for one in self.entries]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise RecipeError(f"two models are called {twice!r}; give each a name of its own")
        _refuse_same_title(self.entries)

    @cached_property
    def cells(self) -> dict[Column, dict[str, Record]]:
        """By column and model, in the order in which the columns are met, likelihoods first."""
        found: dict[Column, dict[str, Record]] = {}
        for one in self.entries:
            for record in one.records:
                column = column_of(one, record, record.metric.rpartition(", ")[2] in SIGNS)
                if one.name in found.get(column, {}):
                    column = column_of(one, record, False)
                found.setdefault(column, {})[one.name] = record
        return dict(sorted(found.items(), key=lambda item: _place(item[0])))

    @cached_property
    def differences(self) -> list[Difference]:
        """Of every two models that were judged on the same rows, in every column that is known row by row."""
        pairs = list(combinations(self.entries, 2))
        found = [self._difference(first, second, kind) for kind in PAIRED for first, second in pairs_of(pairs, kind)]
        return [one for one in found if one is not None]

    def _difference(self, first: Entry, second: Entry, kind: str) -> Difference | None:
        columns = (column for column in self.cells if column.kind == kind)
        column = next((one for one in columns if {first.name, second.name} <= self.cells[one].keys()), None)
        if column is None:
            return None
        a, b = (self.cells[column][one.name] for one in (first, second))
        gap = paired_gap(first.rows[kind], second.rows[kind])
        verdict = max((a.verdict, b.verdict), key=VERDICTS.index)
        reason = "; ".join(text for text in (_trouble(first, a), _trouble(second, b), _of_bounds(a, b)) if text)
        method = f"mean of {len(first.rows[kind].values)} differences, row by row"
        record = Record(
            f"{kind}, {first.name} less {second.name}",
            gap.mean,
            method,
            unit=column.unit,
            interval=gap.sides,
            rows=len(first.rows[kind].values),
            data=a.data,
            binarisation=a.binarisation,
            verdict=verdict,
            reason=reason,
        )
        return Difference(first.name, second.name, column, record)

    def against_best(self) -> list[Difference]:
        """Of the best model of each column, less each other one; the best is the one of the most favourable number."""
        found = []
        for column in self.cells:
            here = [one for one in self.differences if one.column == column]
            if here:
                sign = PAIRED[column.kind]
                best = max(self.cells[column].items(), key=lambda item: sign * item[1].value)[0]
                found += [one if one.first == best else turned(one) for one in here if best in (one.first, one.second)]
        return found

    def table(self, *, all_columns: bool = False) -> list[tuple[str, ...]]:
        """Header and a row of text for each model, judgements first; `doubtful` and `failed` numbers are marked so."""
        columns = [column for column in self.cells if all_columns or column.kind in SHOWN]
        same = len({column.data for column in columns}) == 1
        heads = (column.head if same else column.title for column in columns)
        rows = ((one.name, *(self.text(one, column) for column in columns), *_plain(one)) for one in self.entries)
        return [("model", *heads, *PLAIN), *rows]

    def text(self, one: Entry, column: Column) -> str:
        """What stands in a cell."""
        record = self.cells[column].get(one.name)
        if record is not None:
            return shown(record)
        first = next((known for known in self.cells if known.kind == LIKELIHOOD), None)
        return NO_LIKELIHOOD if one.family == "autoencoder" and column == first else "-"

    def difference_table(self) -> list[tuple[str, ...]]:
        """Header and a row of text for each difference from the best model of its column."""
        header = ("judgement", "best", "less", "difference", "verdict", "reason")
        rows = (
            (d.column.title, d.first, d.second, shown(d.record, verdict=False), d.record.verdict, d.record.reason)
            for d in self.against_best()
        )
        return [header, *rows]

    def notes(self) -> list[str]:
        """What to bear in mind of every number that is not `ok`, and of models that have no likelihood."""
        told: dict[tuple[str, str], str] = {}  # what is read off another number has its reason too, and is told once
        for column, cells in self.cells.items():
            for name, record in cells.items():
                if record.verdict != "ok":
                    told.setdefault((name, record.reason), f"{name}, {column.kind}: {record.verdict}, {record.reason}")
        silent = [one.name for one in self.entries if one.family == "autoencoder" and not one.rows.get(LIKELIHOOD)]
        text = f"{', '.join(silent)}: an autoencoder has no likelihood, and is judged by reconstruction only"
        return [*told.values(), *([text] if silent else [])]

    def csv(self) -> str:
        """The table for spreadsheets: of each column the value, its interval, the verdict and the method."""
        parts = ("value", "low", "high", "verdict", "method")
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["model", *PLAIN, *(f"{column.title}, {part}" for column in self.cells for part in parts)])
        for one in self.entries:
            cells = (value for column in self.cells for value in _numbers(self.cells[column].get(one.name)))
            writer.writerow([one.name, one.kind, one.parameters, _blank(one.minutes), *cells])
        return text.getvalue()

    def plain(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        models = {
            one.name: {
                "class": one.kind,
                "parameters": one.parameters,
                "minutes": one.minutes,
                "records": [record.plain() for record in one.records],
            }
            for one in self.entries
        }
        differences = [
            {"first": d.first, "second": d.second, "column": d.column.title, **d.record.plain()}
            for d in self.differences
        ]
        return {"models": models, "differences": differences, "notes": self.notes()}


def compare(
    models: Mapping[str, Model],
    data: Dataset | Mapping[str, Dataset],
    *,
    samples: int = 500,
    seed: int = 0,
    effort: tuple[int, int] = (RUNS, STEPS),
    states: Mapping[str, Mapping[str, Tensor]] | None = None,
    minutes: Mapping[str, float] | None = None,
) -> Comparison:
    """Judge models and put them into one table.

    Args:
        models: by name, of any family.
        data: whose test rows all are judged on, or one for each name.
        samples, seed, effort: as in :func:`.evaluate`.
        states: persistent chains of a training, by name.
        minutes: that the trainings took, by name.

    >>> from genlatent import RBM, VAE, load_data
    >>> digits = load_data("digits", binarise="threshold")
    >>> found = compare({"rbm": RBM(64, 4), "vae": VAE((1, 8, 8), latent=2)}, digits, samples=5)
    >>> [difference.record.metric for difference in found.differences]
    ['log-likelihood, rbm less vae', 'reconstruction error, rbm less vae']
    """
    how: dict[str, Any] = {"samples": samples, "seed": seed, "effort": effort}
    return Comparison(
        tuple(
            entry(
                name,
                model,
                data if isinstance(data, Dataset) else data[name],
                state=(states or {}).get(name),
                minutes=(minutes or {}).get(name),
                **how,
            )
            for name, model in models.items()
        )
    )


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


def turned(difference: Difference) -> Difference:
    """The second less the first."""
    first, second, column, record = difference
    low, high = record.interval or (record.value, record.value)
    values = record.plain() | {"value": -record.value, "interval": (-high, -low)}
    values |= {"metric": f"{column.kind}, {second} less {first}", "reason": _turned_reason(record.reason)}
    return Difference(second, first, column, Record.from_plain(values))


AT_LEAST, AT_MOST = (
    "the true difference is at least this in the mean",
    "the true difference is at most this in the mean",
)
OF_BOUNDS = "a difference of lower bounds"


def _turned_reason(reason: str) -> str:
    return reason.replace(AT_LEAST, "\0").replace(AT_MOST, AT_LEAST).replace("\0", AT_MOST)


def _of_bounds(first: Record, second: Record) -> str:
    a, b = (record.metric.endswith("lower bound") for record in (first, second))
    return OF_BOUNDS if a and b else AT_LEAST if a else AT_MOST if b else ""


def _trouble(one: Entry, record: Record) -> str:
    return "" if record.verdict == "ok" else f"the number of {one.name} is {record.verdict}"


def pairs_of(pairs: Any, kind: str) -> list[tuple[Entry, Entry]]:
    """Those of whom both are known row by row; one column is of the same rows."""
    return [(a, b) for a, b in pairs if kind in a.rows and kind in b.rows]


def _refuse_same_title(entries: tuple[Entry, ...]) -> None:
    """One title has to stand for the same rows."""
    seen: dict[str, Entry] = {}
    for one in entries:
        for title in {record.data for record in one.records}:
            other = seen.setdefault(title, one)
            if other.fingerprint != one.fingerprint:
                raise DataError(
                    f"{other.name} and {one.name} were judged on different rows that are both called {title!r}; "
                    "judge them on one data set, named for all"
                )


def _place(column: Column) -> int:
    return SHOWN.index(column.kind) if column.kind in SHOWN else len(SHOWN)


def _plain(one: Entry) -> tuple[str, ...]:
    return one.kind, f"{one.parameters:,}", "-" if one.minutes is None else f"{one.minutes:.1f}"


def _numbers(record: Record | None) -> tuple[Any, ...]:
    if record is None:
        return ("",) * 5
    low, high = record.interval or ("", "")
    return record.value, low, high, record.verdict, record.method


def _blank(value: float | None) -> float | str:
    return "" if value is None else value
