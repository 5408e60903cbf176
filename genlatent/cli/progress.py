"""How a training or a chain is watched: a moving bar on a terminal; elsewhere a line for each epoch of a training."""

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
SHOWN = 4  # metrics in a line


class Bar(Callback):
    """A progress bar with the metrics of the last epoch."""

    def __init__(self, terminal: Terminal):
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self.progress = Progress(*columns, console=terminal.console, transient=True)

    def begin(self, trainer: Any) -> None:
        """Show the bar."""
        self.task = self.progress.add_task("training", total=trainer.steps, completed=trainer.step)
        self.progress.start()

    def tick(self, trainer: Any) -> None:
        """Move it."""
        self.progress.update(self.task, completed=trainer.step)

    def log(self, trainer: Any, row: dict[str, Any]) -> None:
        """Say how it goes."""
        self.progress.update(self.task, description=line(trainer, row))

    def end(self, trainer: Any) -> None:
        """Take it away."""
        self.progress.stop()


class Lines(Callback):
    """One line for each epoch."""

    def __init__(self, terminal: Terminal):
        self.terminal = terminal

    def log(self, trainer: Any, row: dict[str, Any]) -> None:
        """Say how it goes."""
        self.terminal.say(line(trainer, row))


def watching(terminal: Terminal) -> list[Callback]:
    """The callbacks that show progress in the terminal's manner."""
    if terminal.quiet:
        return []
    return [Bar(terminal) if terminal.live else Lines(terminal)]


def line(trainer: Any, row: dict[str, Any]) -> str:
    """`epoch 3/20  loss 12.345  valid/loss 13.456`: the held-out loss first among what was judged."""
    names = sorted((n for n in row if n not in HIDDEN), key=lambda n: (n not in ("loss", trainer.watch), "/" in n))
    metrics = "  ".join(f"{name} {number(row[name])}" for name in names[:SHOWN])
    return f"epoch {row['epoch']}/{trainer.epochs}  {metrics}"


@contextmanager
def stepping(terminal: Terminal, text: str) -> Iterator[Callable[[int, int], None]]:
    """What is called with steps done and steps in all; it moves a bar where somebody looks on."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=terminal.console, transient=True, disable=not terminal.live) as bar:
        task = bar.add_task(text, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
