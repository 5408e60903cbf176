"""`genlatent evaluate`: what a trained model is worth on held-out data."""

from typing import Annotated

import typer

from genlatent.cli import options


def evaluate(
    run: options.Run,
    rows: options.Examples,
    effort: options.Effort,
    quality: Annotated[bool, typer.Option("--quality", help="Judge samples as well: slow.")] = False,
    guide: Annotated[
        bool, typer.Option("--guide", help="Of a latent model: collapse, predictive checks, calibration.")
    ] = False,
    sides: Annotated[
        bool, typer.Option("--sides", help="Of a latent model: the likelihood from both sides, by annealing in z.")
    ] = False,
    representation: options.Representation = False,
    *,
    how: options.Common,
) -> None:
    """Judge the model of a RUN on its test rows and write RUN/records.json.

    Example: genlatent evaluate runs/digits-vae --samples 1000
    """
    from genlatent.cli.judging import NAME, home, judge, read
    from genlatent.cli.opening import data_of, opened
    from genlatent.cli.terminal import Terminal

    job = opened(run, how.device, how.allow_import)
    judged = data_of(job, rows.data, rows.binarise).to(job.device)
    wishes = {"quality": quality, "guide": guide, "sides": sides, "representation": representation}
    also = [name for name, wished in wishes.items() if wished]
    annealing = (effort.runs, effort.steps)
    plain = judge(job, judged, samples=effort.samples, effort=annealing, seed=how.seed, also=also)
    terminal = Terminal(quiet=how.quiet, as_json=how.as_json)
    terminal.say(f"On {len(judged.test)} test rows of {judged.title}:")
    terminal.records([("", record) for record in read(plain)])
    terminal.say(f"-> {home(run) / NAME}")
    terminal.result(plain)
