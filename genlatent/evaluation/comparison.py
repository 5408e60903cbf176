"""Several models in one table: a column for each kind of judgement and each data set, differences row by row."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from itertools import combinations
from typing import Any

from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.data.shown import as_html, as_text
from genlatent.errors import DataError, RecipeError
from genlatent.evaluation.also import having
from genlatent.evaluation.annealed import RUNS, STEPS
from genlatent.evaluation.columns import SHOWN, SIGNS, Column, column_of, place, shown
from genlatent.evaluation.differences import PAIRED, Difference, paired, turned
from genlatent.evaluation.entry import Entry, entry
from genlatent.evaluation.record import Record
from genlatent.evaluation.row_scores import LIKELIHOOD
from genlatent.model import Model

NO_LIKELIHOOD = "none, reconstruction only"
PLAIN = ("class", "parameters", "minutes")


@dataclass(frozen=True, repr=False)
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
        return dict(sorted(found.items(), key=lambda item: place(item[0])))

    @cached_property
    def differences(self) -> list[Difference]:
        """Of every two models that were judged on the same rows, in every column that is known row by row."""
        pairs = list(combinations(self.entries, 2))
        found = [paired(first, second, kind, self.cells) for kind in PAIRED for first, second in pairs]
        return [one for one in found if one is not None]

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

    def __repr__(self) -> str:
        """The table, the differences from the best of each column, and what to bear in mind."""
        differences = self.difference_table()
        parts = [as_text(self.table()), as_text(differences) if len(differences) > 1 else "", "\n".join(self.notes())]
        return "\n\n".join(part for part in parts if part)

    def _repr_html_(self) -> str:
        differences = self.difference_table()
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes())
        return as_html(self.table()) + (as_html(differences) if len(differences) > 1 else "") + notes

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
    also: Sequence[str] = (),
    states: Mapping[str, Mapping[str, Tensor]] | None = None,
    minutes: Mapping[str, float] | None = None,
) -> Comparison:
    """Judge models and put them into one table.

    Args:
        models: by name, of any family.
        data: whose test rows all are judged on, or one for each name.
        samples, seed, effort: as in :func:`.evaluate`.
        also: what is slow, of the models that have it, see :func:`.evaluate`.
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
                also=having(model, also),
                minutes=(minutes or {}).get(name),
                **how,
            )
            for name, model in models.items()
        )
    )


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


def _plain(one: Entry) -> tuple[str, ...]:
    return one.kind, f"{one.parameters:,}", "-" if one.minutes is None else f"{one.minutes:.1f}"


def _numbers(record: Record | None) -> tuple[Any, ...]:
    if record is None:
        return ("",) * 5
    low, high = record.interval or ("", "")
    return record.value, low, high, record.verdict, record.method


def _blank(value: float | None) -> float | str:
    return "" if value is None else value
