"""`genlatent compare`: several models in one table."""

from pathlib import Path
from typing import Annotated

import typer

from genlatent.cli import options

INTERRUPTED = 130


def compare(
    names: Annotated[
        list[str],
        typer.Argument(
            help="Run folders; recipes, which are trained first; `digits` for six models of the digits; and changes "
            "to the recipes, as train.epochs=5.",
            metavar="RUN|RECIPE",
        ),
    ],
    out: Annotated[
        list[Path] | None,
        typer.Option(help="A file to write the table to: .csv, .html or .json; may be repeated."),
    ] = None,
    folder: Annotated[
        Path, typer.Option(help="Where recipes are trained to; what is there already is not trained again.")
    ] = Path("runs/comparison"),
    *,
    rows: options.Examples,
    effort: options.Effort,
    also: Annotated[
        list[str] | None,
        typer.Option(
            help="What is slow, asked of the models that have it: quality, representation, guide or sides, as for "
            "`evaluate`; may be repeated."
        ),
    ] = None,
    how: options.Common,
) -> int:
    """Judge several models on test rows, and put them side by side with their differences row by row.

    Example: genlatent compare runs/digits-rbm runs/digits-vae --out table.csv --out report.html

    Example: genlatent compare digits
    """
    from genlatent.cli.comparing import Asked, Comparing
    from genlatent.cli.terminal import Terminal
    from genlatent.evaluation.also import wished

    terminal = Terminal(quiet=how.quiet, as_json=how.as_json)
    annealing, allow = (effort.runs, effort.steps), tuple(how.allow_import or ())
    asked = Asked(*rows, effort.samples, annealing, how.seed, how.device, allow, wished(also or ()))
    job = Comparing(names, tuple(out or ()), folder, asked, terminal)
    if not job.trained():
        terminal.say(f"Stopped; the same command goes on where it stopped, in {folder}.")
        return INTERRUPTED
    job.judge()
    job.show()
    places = job.write()
    if places:
        terminal.say(f"-> {', '.join(str(place) for place in places)}")
    terminal.result({**job.found.plain(), "seed": how.seed, "files": [str(place) for place in places]})
    return 0
