"""`genlatent report`: everything there is to see of a run, in one file."""

from pathlib import Path
from typing import Annotated

import typer

from genlatent.cli import options


def report(
    run: options.Run,
    out: Annotated[Path | None, typer.Option(help="The file to write; RUN/report.html unless given.")] = None,
    data: Annotated[
        str | None, typer.Option(help="A data set or file to judge on; what the run was trained on unless given.")
    ] = None,
    binarise: Annotated[str, typer.Option(help="Of the data that --data names: none, threshold, static, ...")] = "none",
    samples: Annotated[int, typer.Option(min=1, help="Importance samples for each row, or draws of each chain.")] = 500,
    runs: Annotated[int, typer.Option(min=2, help="Annealing runs of a machine too large to be listed.")] = 200,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each.")] = 1000,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    allow_import: options.AllowImport = None,
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
    terminal = Terminal(quiet=quiet, as_json=as_json)
    job = opened(run, device, allow_import)
    subject = described(job, data, binarise, terminal, samples=samples, effort=(runs, steps), seed=seed)
    storage.write_text(place, run_report(subject))
    terminal.say(f"-> {place}")
    terminal.result({"run": str(run), "out": str(place), "seed": seed})
