"""The report of a comparison."""

from collections.abc import Callable, Sequence

from genlatent.evaluation.columns import shown
from genlatent.evaluation.comparison import Comparison
from genlatent.numerics.randomness import drawing_from, stream
from genlatent.plots.intervals import interval_lines
from genlatent.plots.writing import new_axes
from genlatent.report.html import Html, joined, tag
from genlatent.report.page import Section, note, page, table
from genlatent.report.pictures import picture
from genlatent.report.sections import pictured, real_rows, reconstructed, samples
from genlatent.report.subject import Subject

NARROW = 4.6  # inches of a figure whose labels a small screen still shows
Make = Callable[[Subject, str], Html | None]


def comparison_report(found: Comparison, subjects: Sequence[Subject] = ()) -> str:
    """One HTML file: the table, differences row by row, and what the models draw and give back.

    Args:
        found: the comparison.
        subjects: the models themselves, for the pictures.
    """
    sections = [
        Section("Table", joined(table(found.table()), *(note(text) for text in found.notes()))),
        Section("Differences, row by row", _differences(found)),
        *_side_by_side(subjects),
        Section("All judgements", _methods(found)),
    ]
    names = ", ".join(one.name for one in found.entries)
    lead = note(f"{len(found.entries)} models: {names}. Intervals are of 95 %; ≥ marks a lower bound, ≤ an upper one.")
    return page("Comparison", lead, [section for section in sections if section.body])


def _differences(found: Comparison) -> Html:
    """A figure and a table for each column that is known row by row."""
    parts: list[Html] = []
    against = found.against_best()
    for column in dict.fromkeys(one.column for one in against):
        here = [one for one in against if one.column == column]
        names = [f"{one.first} less\n{one.second}" for one in here]
        title = f"{column.kind}: the best less the others"
        axes = new_axes(NARROW, 0.9 + 0.45 * len(here))
        parts.append(picture(interval_lines(names, [one.record for one in here], zero=True, axes=axes), title, title))
    if parts:
        parts.append(table(found.difference_table()))
    return joined(*parts)


def _side_by_side(subjects: Sequence[Subject]) -> list[Section]:
    """What each model draws and gives back, under its name."""
    kinds: dict[str, Make] = {"Samples": samples, "Reconstructions": reconstructed}
    sections = []
    for title, make in kinds.items():
        parts = {one.name: _drawn(one, make) for one in subjects}
        found = [part for part in parts.values() if part is not None]
        silent = [name for name, part in parts.items() if part is None]
        text = note(f"None of {', '.join(silent)}.") if silent and found else None
        real = real_rows(subjects[0]) if title == "Samples" and found and pictured(subjects[0]) else None
        beside = tag("div", *found, real, class_="beside") if found else None
        sections.append(Section(title, joined(beside, text)))
    return sections


def _drawn(subject: Subject, make: Make) -> Html | None:
    training = subject.model.training
    subject.model.eval()
    try:
        with drawing_from(stream(subject.seed, name="report")):
            return make(subject, subject.name)
    finally:
        subject.model.train(training)


def _methods(found: Comparison) -> Html:
    """Each number with how it was found."""
    header = ("judgement", "model", "value", "method", "verdict", "reason")
    rows = [
        (column.title, name, shown(record, verdict=False), record.method, record.verdict, record.reason)
        for column, cells in found.cells.items()
        for name, record in cells.items()
    ]
    return table([header, *rows])
