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
            metavar="RUN|RECIPE...",
        ),
    ],
    out: Annotated[
        list[Path] | None, typer.Option(help="A file to write the table to: .csv, .html or .json; may be repeated.")
    ] = None,
    folder: Annotated[
        Path, typer.Option(help="Where recipes are trained to; what is there already is not trained again.")
    ] = Path("runs/comparison"),
    data: Annotated[
        str | None, typer.Option(help="A data set or file to judge all on; what each was trained on unless given.")
    ] = None,
    binarise: Annotated[str, typer.Option(help="Of the data that --data names: none, threshold, static, ...")] = "none",
    samples: Annotated[int, typer.Option(min=1, help="Importance samples for each row, or draws of each chain.")] = 500,
    runs: Annotated[int, typer.Option(min=2, help="Annealing runs of a machine too large to be listed.")] = 200,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each.")] = 1000,
    also: Annotated[
        list[str] | None,
        typer.Option(
            help="What is slow, asked of the models that have it: quality, representation, guide or sides, as for "
            "`evaluate`; may be repeated."
        ),
    ] = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    allow_import: options.AllowImport = None,
) -> int:
    """Judge several models on test rows, and put them side by side with their differences row by row.

    Example: genlatent compare runs/digits-rbm runs/digits-vae --out table.csv --out report.html

    Example: genlatent compare digits
    """
    from genlatent.cli.comparing import Asked, Comparing
    from genlatent.cli.terminal import Terminal
    from genlatent.evaluation.also import wished

    terminal = Terminal(quiet=quiet, as_json=as_json)
    wishes = wished(also or ())
    asked = Asked(data, binarise, samples, (runs, steps), seed, device, tuple(allow_import or ()), wishes)
    job = Comparing(names, tuple(out or ()), folder, asked, terminal)
    if not job.trained():
        terminal.say(f"Stopped; the same command goes on where it stopped, in {folder}.")
        return INTERRUPTED
    job.judge()
    job.show()
    places = job.write()
    if places:
        terminal.say(f"-> {', '.join(str(place) for place in places)}")
    terminal.result({**job.found.plain(), "seed": seed, "files": [str(place) for place in places]})
    return 0
