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
    seed: options.Seed = 0,
    device: options.Device = "auto",
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    allow_import: options.AllowImport = None,
) -> None:
    """Judge the model of a RUN on its test rows and write RUN/records.json.

    Example: genlatent evaluate runs/digits-vae --samples 1000
    """
    from genlatent import storage
    from genlatent.cli.opening import data_of, opened
    from genlatent.cli.terminal import Terminal
    from genlatent.evaluation.evaluate import evaluate

    job = opened(run, device, allow_import)
    judged = data_of(job, data, binarise).to(job.device)
    records = evaluate(job.model, judged, samples=samples, seed=seed)
    plain = {"run": str(run), "seed": seed, "records": [record.plain() for record in records]}
    place = (run if run.is_dir() else run.parent) / "records.json"
    storage.write_json(place, plain)
    terminal = Terminal(quiet=quiet, as_json=as_json)
    terminal.say(f"On {len(judged.test)} test rows of {judged.title}:")
    terminal.records([("", record) for record in records])
    terminal.say(f"-> {place}")
    terminal.result(plain)
