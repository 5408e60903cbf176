"""`genlatent evaluate`: what a trained model is worth on held-out data."""

from typing import Annotated

import typer

from genlatent.cli import options


def evaluate(
    run: options.Run,
    data: Annotated[
        str | None, typer.Option(help="A data set or file to judge on; what the run was trained on unless given.")
    ] = None,
    binarise: Annotated[str, typer.Option(help="Of the data that --data names: none, threshold, static, ...")] = "none",
    samples: Annotated[int, typer.Option(min=1, help="Importance samples for each row, or draws of each chain.")] = 500,
    runs: Annotated[int, typer.Option(min=2, help="Annealing runs of a machine too large to be listed.")] = 200,
    steps: Annotated[
        int, typer.Option(min=1, help="Steps of each; 6000, and 1000 runs, for numbers to publish.")
    ] = 1000,
    quality: Annotated[bool, typer.Option("--quality", help="Judge samples as well: slow.")] = False,
    guide: Annotated[
        bool, typer.Option("--guide", help="Of a latent model: collapse, predictive checks, calibration.")
    ] = False,
    sides: Annotated[
        bool, typer.Option("--sides", help="Of a latent model: the likelihood from both sides, by annealing in z.")
    ] = False,
    representation: Annotated[
        bool, typer.Option("--representation", help="Of codes: probes by labels shown, dimension, compression.")
    ] = False,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    allow_import: options.AllowImport = None,
) -> None:
    """Judge the model of a RUN on its test rows and write RUN/records.json.

    Example: genlatent evaluate runs/digits-vae --samples 1000
    """
    from genlatent.cli.judging import NAME, home, judge, read
    from genlatent.cli.opening import data_of, opened
    from genlatent.cli.terminal import Terminal

    job = opened(run, device, allow_import)
    judged = data_of(job, data, binarise).to(job.device)
    wishes = {"quality": quality, "guide": guide, "sides": sides, "representation": representation}
    also = [name for name, wished in wishes.items() if wished]
    plain = judge(job, judged, samples=samples, effort=(runs, steps), seed=seed, also=also)
    terminal = Terminal(quiet=quiet, as_json=as_json)
    terminal.say(f"On {len(judged.test)} test rows of {judged.title}:")
    terminal.records([("", record) for record in read(plain)])
    terminal.say(f"-> {home(run) / NAME}")
    terminal.result(plain)
