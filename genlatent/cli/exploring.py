"""What the explorer needs to know of a run."""

from pathlib import Path

from genlatent.cli.opening import data_of, opened
from genlatent.cli.options import Common
from genlatent.cli.terminal import Terminal
from genlatent.errors import GenlatentError
from genlatent.explorer.subject import Subject, with_rows
from genlatent.training.run import RunFolder

LARGEST_REPORT = 64 << 20  # bytes


def explored(
    run: Path,
    data: str | None,
    binarise: str,
    how: Common,
    terminal: Terminal,
) -> Subject:
    """The model of a run, with examples where its data can be had, its history, and its report if there is one."""
    job = opened(run, how.device, how.allow_import)
    subject = Subject(
        run.resolve().name,
        job.model,
        job.about,
        history=RunFolder(run).read_metrics(),
        report=_report(run / "report.html"),
        seed=how.seed,
    )
    try:
        return with_rows(subject, data_of(job, data, binarise))
    except (GenlatentError, OSError) as error:
        if data is not None:
            raise
        terminal.say(f"No examples to play with: {error}")
        return subject


def _report(place: Path) -> str | None:
    if not place.is_file() or place.stat().st_size > LARGEST_REPORT:
        return None
    return place.read_text(encoding="utf-8", errors="replace")
