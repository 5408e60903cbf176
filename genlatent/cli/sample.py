"""`genlatent sample`: draws from a trained model, as pictures, arrays or the user's own table, or whole chains."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from genlatent.cli import options
from genlatent.errors import RecipeError

NUMBER = 64


def sample(
    run: options.Run,
    number: Annotated[
        int | None, typer.Option("-n", "--number", min=1, help=f"How many draws; {NUMBER} unless given.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="What to write: .png, .npy, .npz, .csv or .parquet, a new folder of pictures, or - (-.csv, -.npy) for "
            "standard output; samples.png, or samples.csv for a table, unless given. Chains are written as .nc."
        ),
    ] = None,
    given: options.Given = None,
    temperature: options.Temperature = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Of the chains that make a draw, for a model sampled by chains.")
    ] = None,
    method: options.Method = None,
    *,
    chains: options.Chains,
    how: options.Common,
) -> None:
    """Draw from the model of a RUN, or keep whole Markov chains of it, which ArviZ opens.

    Chains are kept where --chains, --draws, --burn-in or --thin is given, or a name that ends in .nc.

    Example: genlatent sample runs/digits-rbm -n 100 --out digits.png --seed 1

    Example: genlatent sample runs/digits-vae -n 5 --out -.csv > digits.csv

    Example: genlatent sample runs/digits-rbm --chains 64 --draws 1000 --burn-in 500 --thin 10 --out chains.nc
    """
    from genlatent.cli.opening import opened
    from genlatent.cli.streams import terminal_beside

    length, terminal = chains.said(), terminal_beside(out, how)
    told = {"temperature": temperature, "method": method}
    where = {"run": run, "seed": how.seed, "given": given or [], "terminal": terminal}
    if length or (out is not None and out.suffix.lower() == ".nc"):
        if number is not None or steps is not None:
            raise RecipeError("chains are counted by --chains, --draws, --burn-in and --thin; leave -n and --steps out")
        place = _place_of_chains(out)
        _chains(opened(run, how.device, how.allow_import), length, place, told, **where)
    else:
        _check_ending(out)
        job = opened(run, how.device, how.allow_import)
        _rows(job, number or NUMBER, out, told | {"steps": steps}, **where)


def _place_of_chains(out: Path | None) -> Path:
    from genlatent.cli.chains import check_place

    return check_place(out)


def _check_ending(out: Path | None) -> None:
    from genlatent.cli.draws import check_ending

    if out is not None:
        check_ending(out)


def _rows(
    job: Any, number: int, out: Path | None, how: dict[str, Any], run: Path, seed: int, given: list[str], terminal: Any
) -> None:
    """Independent draws."""
    from genlatent.cli.draws import default_place, write
    from genlatent.cli.given import read_given
    from genlatent.cli.progress import stepping
    from genlatent.cli.streams import writable
    from genlatent.numerics.randomness import stream

    out = out or default_place(job.about, "samples")
    held = job.model.refuse_unknown(read_given(given, job.device, job.about))
    extra = _taken(job.model, "sample", how)
    with stepping(terminal, f"{number} draws") as progress:
        watched = {"progress": progress} if "progress" in parameters(job.model, "sample") else {}
        generator = stream(seed, job.device, name="sample")
        draws = job.model.sample(number, given=held or None, generator=generator, **extra, **watched)
    with writable(out, ".csv" if job.about.get("columns") else ".npy") as place:
        write(draws, place, job.about, seed)
    terminal.say(f"{number} draws from {run} (seed {seed}) -> {out}")
    found = {"run": str(run), "out": str(out), "number": number, "seed": seed, "shape": list(draws.shape)}
    terminal.result(found | extra)


def _chains(
    job: Any,
    length: Mapping[str, int],
    out: Path,
    how: dict[str, Any],
    run: Path,
    seed: int,
    given: list[str],
    terminal: Any,
) -> None:
    """Whole chains, and whether they agree."""
    from genlatent.cli import chains
    from genlatent.cli.given import read_given
    from genlatent.cli.streams import writable

    chains.check_model(job.model)
    held = job.model.refuse_unknown(read_given(given, job.device, job.about))
    extra, asked = _taken(job.model, "trace", how), chains.Length(**length)
    draws = chains.run(job, asked, held, seed, terminal, **extra)
    with writable(out, chains.ENDING) as place:
        chains.write(draws, place, run=str(run), model=type(job.model).__name__, seed=seed, **extra)
    terminal.say(f"{asked.draws} draws of {asked.chains} chains from {run} (seed {seed}) -> {out}")
    found = chains.judged(job.model, draws, held)
    chains.show(found, terminal)
    plain = {"records": [record.plain() for record in found.records], "reason": found.reason}
    terminal.result({"run": str(run), "out": str(out), "seed": seed, **asked._asdict(), **extra, **plain})


def _taken(model: Any, verb: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, refused by name where this model has none such."""
    known = parameters(model, verb)
    found = {name: value for name, value in asked.items() if value is not None}
    for name in found:
        if name not in known:
            raise RecipeError(f"{type(model).__name__} is sampled without a {name}; leave --{name} out")
    return found


def parameters(model: Any, verb: str) -> set[str]:
    """What a verb takes, through every class that passes the rest of its arguments on.

    >>> class Above:
    ...     def sample(self, n, steps=1): ...
    >>> class Below(Above):
    ...     def sample(self, n, given=None, **how): ...
    >>> sorted(parameters(Below(), "sample"))
    ['given', 'n', 'steps']
    """
    known: set[str] = set()
    for kind in (kind for kind in type(model).__mro__ if verb in vars(kind)):
        found = inspect.signature(vars(kind)[verb]).parameters.values()
        known |= {one.name for one in found if one.kind is not one.VAR_KEYWORD}
        if all(one.kind is not one.VAR_KEYWORD for one in found):
            break
    return known - {"self"}
