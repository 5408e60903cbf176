"""`genlatent report`: everything there is to see of a run, in one file."""

from pathlib import Path
from typing import Annotated

import typer

from genlatent.cli import options


def report(
    run: options.Run,
    out: Annotated[Path | None, typer.Option(help="The file to write; RUN/report.html unless given.")] = None,
    *,
    rows: options.Examples,
    effort: options.Effort,
    how: options.Common,
) -> None:
    """Write RUN/report.html: what the model is, what it draws, and what it is worth; one file that needs no network.

    Judgements that `genlatent evaluate` left in the run are taken as they are where they still hold.

    Example: genlatent report runs/digits-vae
    """
    from genlatent import storage
    from genlatent.cli.judging import home
    from genlatent.cli.opening import opened
    from genlatent.cli.reporting import described
    from genlatent.cli.terminal import Terminal
    from genlatent.errors import RecipeError
    from genlatent.report.run import run_report

    place = out or home(run) / "report.html"
    if place.suffix.lower() != ".html":
        raise RecipeError(f"{place}: a report is written as .html")
    terminal = Terminal(quiet=how.quiet, as_json=how.as_json)
    job = opened(run, how.device, how.allow_import)
    annealing = (effort.runs, effort.steps)
    subject = described(job, *rows, terminal, samples=effort.samples, effort=annealing, seed=how.seed)
    storage.write_text(place, run_report(subject))
    terminal.say(f"-> {place}")
    terminal.result({"run": str(run), "out": str(place), "seed": how.seed})
