"""How a training or a chain is watched: a moving bar on a terminal; elsewhere a line for each epoch of a training."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from genlatent.cli.terminal import Terminal
from genlatent.evaluation.record import number
from genlatent.training.callbacks import Callback

HIDDEN = ("step", "epoch", "seconds")
SHOWN = 5  # metrics in a line
LINES, FIRST, SECONDS = 100, 3, 10.0

MATTERS = {  # what to look at, by the family of the model
    "latent": ("valid/kl", "valid/active_units", "valid/accuracy", "kl", "reconstruction"),
    "energy": ("valid/reconstruction", "valid/free_energy", "valid/accuracy", "gap"),
    "autoencoder": ("valid/reconstruction",),
}


class Announced(Callback):
    """Says a sentence when the training begins, once: whatever is wrong with it has been refused by then."""

    def __init__(self, terminal: Terminal, sentence: str):
        self.terminal, self.sentence, self.said = terminal, sentence, False

    def begin(self, trainer: Any) -> None:
        """Say it."""
        if not self.said:
            self.terminal.say(self.sentence)
        self.said = True


class Bar(Callback):
    """A progress bar with the metrics of the last epoch."""

    def __init__(self, terminal: Terminal):
        columns = (BarColumn(20), TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
        self.progress = Progress(*columns, console=terminal.console, transient=True)
        self.terminal, self.last = terminal, ""

    def begin(self, trainer: Any) -> None:
        """Show the bar."""
        self.task = self.progress.add_task("training", total=trainer.steps, completed=trainer.step)
        self.progress.start()

    def tick(self, trainer: Any) -> None:
        """Move it."""
        self.progress.update(self.task, completed=trainer.step)

    def log(self, trainer: Any, row: dict[str, Any]) -> None:
        """Say how it goes."""
        self.last = line(trainer, row)
        self.progress.update(self.task, description=self.last.rpartition("  ")[0] if _left(trainer) else self.last)

    def end(self, trainer: Any) -> None:
        """Take it away, and leave its last words."""
        self.progress.stop()
        if self.last:
            self.terminal.say(self.last)


class Lines(Callback):
    """One line for each epoch; of many epochs for the first, the last, and about a hundred; one in ten seconds."""

    def __init__(self, terminal: Terminal):
        self.terminal, self.said = terminal, 0.0

    def log(self, trainer: Any, row: dict[str, Any]) -> None:
        """Say how it goes."""
        due = row["epoch"] <= FIRST or row["epoch"] % -(-trainer.epochs // LINES) == 0 or row["step"] >= trainer.steps
        if due or time.monotonic() - self.said > SECONDS:
            self.said = time.monotonic()
            self.terminal.say(line(trainer, row))


def watching(terminal: Terminal) -> list[Callback]:
    """The callbacks that show progress in the terminal's manner."""
    if terminal.quiet:
        return []
    return [Bar(terminal) if terminal.live else Lines(terminal)]


def line(trainer: Any, row: dict[str, Any]) -> str:
    """`epoch 3/20  loss 12.345  valid/loss 13.456`: what matters for the family first, the time left last."""
    wanted = [name for name in MATTERS.get(getattr(trainer.model, "family", ""), ()) if name in row]
    others = sorted(name for name in row if name not in (*HIDDEN, *wanted) and name.count("/") < 2)
    first = [name for name in ("loss", trainer.watch) if name in row]
    rest = [name for name in (*wanted, *others) if name not in first and row[name] != row.get("loss")]
    metrics = "  ".join(f"{name} {number(row[name])}" for name in [*first, *dict.fromkeys(rest)][:SHOWN])
    return f"epoch {row['epoch']}/{trainer.epochs}  {metrics}{_left(trainer)}"


def _left(trainer: Any) -> str:
    """How long it will take from here on, at the pace so far."""
    done, seconds = getattr(trainer, "step", 0), getattr(trainer, "seconds", 0.0)
    if not done or done >= trainer.steps:
        return ""
    return f"  {duration(seconds / done * (trainer.steps - done))} left"


def duration(seconds: float) -> str:
    """A length of time for people.

    >>> duration(12.3), duration(200), duration(8000)
    ('12 s', '3 min', '2.2 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"


@contextmanager
def stepping(terminal: Terminal, text: str) -> Iterator[Callable[[int, int], None]]:
    """What is called with steps done and steps in all; it moves a bar where somebody looks on."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=terminal.console, transient=True, disable=not terminal.live) as bar:
        task = bar.add_task(text, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
