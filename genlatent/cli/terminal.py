"""What reaches the user: sentences and tables, or one JSON object, or nothing."""

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from genlatent.evaluation.record import Record, number


class Terminal:
    """Standard output in one of three manners: for people, `quiet`, or `as_json`; `aside`, it is standard error."""

    def __init__(self, *, quiet: bool = False, as_json: bool = False, aside: bool = False):
        self.quiet = quiet or as_json or not first_process()
        self.as_json = as_json and first_process()
        width = None if sys.stdout.isatty() else 200
        self.console = Console(width=width, highlight=False, soft_wrap=True, quiet=self.quiet, stderr=aside)

    @property
    def live(self) -> bool:
        """Whether somebody looks on, so that a progress bar may move."""
        return self.console.is_terminal and not self.quiet

    def say(self, text: str = "", style: str | None = None) -> None:
        """A line for people."""
        self.console.print(text, style=style, markup=False)

    def table(self, rows: Sequence[Sequence[str]], title: str | None = None) -> None:
        """A table for people; the first row is its header."""
        self.console.print(rich_table(rows, title))

    def records(self, rows: Sequence[tuple[str, Record]]) -> None:
        """Judged numbers, each under the name of its model; what to bear in mind stands below."""
        header = ("model", "metric", "value", "95 % interval", "unit", "method", "verdict")
        self.table([header, *((name, *brief(record)) for name, record in rows)])
        for name, record in rows:
            if record.reason:
                self.say(f"* {name + ', ' if name else ''}{record.metric}: {record.reason}")

    def result(self, values: Any) -> None:
        """The outcome for machines."""
        if self.as_json:
            print(json.dumps(values))


def brief(record: Record) -> tuple[str, ...]:
    """What a record's line shows."""
    interval = "-" if record.interval is None else " .. ".join(number(side) for side in record.interval)
    return (record.metric, number(record.value), interval, record.unit, record.method, record.verdict)


def rich_table(rows: Sequence[Sequence[str]], title: str | None = None) -> Table:
    """Rows of text with a header, columns that are empty throughout left out."""
    kept = [i for i in range(len(rows[0])) if len(rows) == 1 or any(row[i] not in ("", "-") for row in rows[1:])]
    table = Table(*(rows[0][i] for i in kept), title=title, title_justify="left", box=None, pad_edge=False)
    for row in rows[1:]:
        table.add_row(*(row[i] for i in kept))
    return table


def first_process() -> bool:
    """Whether this process is the one that speaks, where `torchrun` started several."""
    return os.environ.get("RANK", "0") == "0"
