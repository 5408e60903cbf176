"""`genlatent train`: from a recipe to a run folder."""

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from genlatent.cli import completion, options
from genlatent.errors import RecipeError

INTERRUPTED = 130


class Looking(NamedTuple):
    """What is seen of a training beside its progress."""

    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only say what would happen: parameters, memory, steps, mode and time."),
    ] = False
    previews: Annotated[
        bool, typer.Option(help="Write RUN/previews/STEP.png, draws of the model, at each checkpoint.")
    ] = True
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write RUN/tensorboard too; needs the extra `tensorboard`.")
    ] = False


def train(
    recipe: Annotated[
        str | None,
        typer.Argument(
            help="A recipe file, or the name of one that ships with genlatent (`genlatent recipes list`).",
            metavar="RECIPE",
            autocompletion=completion.recipes,
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            help="Changes to it: train.epochs=5 model.latent=2 data.path=mine.csv",
            metavar="KEY=VALUE",
            autocompletion=completion.overrides,
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder to write; runs/RECIPE unless given.")] = None,
    resume: Annotated[
        Path | None,
        typer.Option(help="Run folder to go on with, instead of a recipe.", autocompletion=completion.runs),
    ] = None,
    *,
    looking: Looking,
    seed: Annotated[int | None, typer.Option(help="Instead of the recipe's seed.")] = None,
    device: options.Device = "auto",
    quiet: options.Quiet = False,
    as_json: options.Json = False,
    allow_import: options.AllowImport = None,
) -> int:
    """Train the model of a RECIPE and write a run folder.

    Example: genlatent train digits-vae train.epochs=20 --out runs/first

    Example: genlatent train digits-vae model.latent=8 --dry-run

    Example: genlatent train my-table data.path=people.csv "data.columns=[age, colour]" --dry-run
    """
    from genlatent.cli.terminal import Terminal
    from genlatent.cli.training import continued, fresh, trained

    changes = [*(overrides or []), *([f"seed={seed}"] if seed is not None else [])]
    if resume is not None:
        if recipe is not None or changes or out is not None or looking.dry_run:
            raise RecipeError(
                "--resume goes on with a run as it was made; give it without recipe, changes, seed, --out or --dry-run"
            )
        job = continued(resume, allow_import or [])
    elif recipe is None:
        raise RecipeError("name a recipe, for example digits-vae, or a run to go on with: --resume RUN")
    else:
        job = fresh(recipe, changes, out)
    terminal = Terminal(quiet=quiet, as_json=as_json)
    if looking.dry_run:
        terminal.result(_rehearsed(job, terminal, device))
        return 0
    history = trained(job, terminal, device, beside=_onlookers(job, looking, terminal))
    outcome = {"run": str(job.out), "stopped": history.stopped, "last": history.rows[-1] if history.rows else None}
    terminal.result(outcome)
    return _farewell(job.out, outcome, terminal)


def _rehearsed(job: Any, terminal: Any, device: str) -> dict[str, Any]:
    from genlatent.cli.rehearsing import rehearse

    return rehearse(job, terminal, device)


def _onlookers(job: Any, looking: Looking, terminal: Any) -> list[Any]:
    from genlatent.cli.previews import Previews
    from genlatent.cli.terminal import first_process

    if not first_process():
        return []
    found: list[Any] = [Previews(job.out, terminal)] if looking.previews else []
    if looking.tensorboard:
        from genlatent.cli.tensorboard import TensorBoard

        found.append(TensorBoard(job.out))
    return found


def _farewell(out: Path, outcome: dict[str, Any], terminal: Any) -> int:
    if outcome["stopped"] == "interrupted":
        terminal.say(f"Stopped; everything up to the last step is saved. Go on with: genlatent train --resume {out}")
        return INTERRUPTED
    if outcome["stopped"]:
        terminal.say(f"Stopped early: {outcome['stopped']}.")
    terminal.say(f"Done: {out}. Next: genlatent evaluate {out}")
    return 0
