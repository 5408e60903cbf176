"""`genlatent train`: from a recipe to a run folder."""

from pathlib import Path
from typing import Annotated, Any

import typer

from genlatent.cli import options
from genlatent.errors import RecipeError

INTERRUPTED = 130


def train(
    recipe: Annotated[
        str | None,
        typer.Argument(help="A recipe file, or the name of one that ships with genlatent.", metavar="RECIPE"),
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Changes to it: train.epochs=5 model.latent=2", metavar="[KEY=VALUE]...")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder to write; runs/RECIPE unless given.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Run folder to go on with, instead of a recipe.")] = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the recipe's seed.")] = None,
    device: options.Device = "auto",
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    allow_import: options.AllowImport = None,
) -> int:
    """Train the model of a RECIPE and write a run folder.

    Example: genlatent train digits-vae train.epochs=20 --out runs/first
    """
    from genlatent.cli.terminal import Terminal
    from genlatent.cli.training import continued, fresh, trained

    changes = [*(overrides or []), *([f"seed={seed}"] if seed is not None else [])]
    if resume is not None:
        if recipe is not None or changes or out is not None:
            raise RecipeError(
                "--resume goes on with a run as it was made; give it without recipe, changes, seed or --out"
            )
        job = continued(resume, allow_import or [])
    elif recipe is None:
        raise RecipeError("name a recipe, for example digits-vae, or a run to go on with: --resume RUN")
    else:
        job = fresh(recipe, changes, out)
    terminal = Terminal(quiet=quiet, as_json=as_json)
    history = trained(job, terminal, device)
    outcome = {"run": str(job.out), "stopped": history.stopped, "last": history.rows[-1] if history.rows else None}
    terminal.result(outcome)
    return _farewell(job.out, outcome, terminal)


def _farewell(out: Path, outcome: dict[str, Any], terminal: Any) -> int:
    if outcome["stopped"] == "interrupted":
        terminal.say(f"Stopped; everything up to the last step is saved. Go on with: genlatent train --resume {out}")
        return INTERRUPTED
    if outcome["stopped"]:
        terminal.say(f"Stopped early: {outcome['stopped']}.")
    terminal.say(f"Done: {out}. Next: genlatent evaluate {out}")
    return 0
