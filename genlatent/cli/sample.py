"""`genlatent sample`: draws from a trained model, as pictures or numbers."""

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer

from genlatent.cli import options
from genlatent.errors import RecipeError


def sample(
    run: options.Run,
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="How many draws.")] = 64,
    out: Annotated[Path, typer.Option(help="File to write: .png, .npy, .npz or .csv.")] = Path("samples.png"),
    given: Annotated[
        list[str] | None,
        typer.Option(
            help="What is held fixed: label=3, or x=half.npy with NaN where it shall be drawn.", metavar="K=V"
        ),
    ] = None,
    seed: options.Seed = 0,
    temperature: Annotated[float | None, typer.Option(help="Of a model that has one; 1 is the model itself.")] = None,
    steps: Annotated[int | None, typer.Option(help="Of the chains, for a model that is sampled by chains.")] = None,
    device: options.Device = "auto",
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    allow_import: options.AllowImport = None,
) -> None:
    """Draw from the model of a RUN.

    Example: genlatent sample runs/digits-rbm -n 100 --out digits.png --seed 1
    """
    from genlatent.cli.draws import check_ending, write
    from genlatent.cli.given import read_given
    from genlatent.cli.opening import opened
    from genlatent.cli.terminal import Terminal
    from genlatent.numerics.randomness import stream

    check_ending(out)
    job = opened(run, device, allow_import)
    held = job.model.refuse_unknown(read_given(given or [], job.device))
    extra = _taken(job.model, temperature=temperature, steps=steps)
    draws = job.model.sample(number, given=held or None, generator=stream(seed, job.device, name="sample"), **extra)
    write(draws.numpy(force=True), out, job.about, seed)
    terminal = Terminal(quiet=quiet, as_json=as_json)
    terminal.say(f"{number} draws from {run} (seed {seed}) -> {out}")
    terminal.result(
        {"run": str(run), "out": str(out), "number": number, "seed": seed, "shape": list(draws.shape), **extra}
    )


def _taken(model: Any, **asked: Any) -> dict[str, Any]:
    """The options that were given, refused by name where this model has none such."""
    known = inspect.signature(model.sample).parameters
    found = {name: value for name, value in asked.items() if value is not None}
    for name in found:
        if name not in known:
            raise RecipeError(f"{type(model).__name__} is sampled without a {name}; leave --{name} out")
    return found
