"""What `train` and `demo` share: a recipe becomes a run folder."""

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from genlatent import storage
from genlatent.cli.interrupts import stopping_on_request
from genlatent.cli.opening import RECIPE, recipe_of
from genlatent.cli.progress import Announced, watching
from genlatent.cli.terminal import Terminal, first_process
from genlatent.data.dataset import Dataset
from genlatent.errors import RunError
from genlatent.model import Model
from genlatent.numerics import devices
from genlatent.recipes import assembly, beginning
from genlatent.recipes.reading import dump, read
from genlatent.recipes.schema import Recipe
from genlatent.training.callbacks import Callback
from genlatent.training.fit import History, fit
from genlatent.training.run import RunFolder

RUNS = Path("runs")


class Job(NamedTuple):
    """A recipe, the folder that its run is written to, and the modules it may import from."""

    recipe: Recipe
    out: Path
    allow: tuple[str, ...]
    resume: bool = False


class KeepRecipe(Callback):
    """Writes the resolved recipe into the run folder before the first step."""

    def __init__(self, job: Job):
        self.job = job

    def begin(self, trainer: Any) -> None:
        """Write it, once."""
        keep_recipe(self.job)


def keep_recipe(job: Job) -> None:
    """Write the resolved recipe into the run folder, unless it lies there."""
    if first_process() and not job.resume:
        storage.write_text(job.out / RECIPE, dump(job.recipe.resolved()))


def fresh(recipe: str, overrides: list[str], out: Path | None) -> Job:
    """A new run; naming a recipe is the consent to import what it names."""
    found = read(recipe, overrides)
    place = out or free_place(Path(recipe).stem)
    if RunFolder(place).pointed("last") is not None:
        raise RunError(f"{place} holds a run already; name another folder, or go on with it: --resume {place}")
    return Job(found, place, tuple(assembly.imports(found)))


def continued(run: Path, allow: list[str]) -> Job:
    """The run that a folder holds, gone on with."""
    return Job(recipe_of(run), run, tuple(allow), resume=True)


def free_place(name: str) -> Path:
    """`runs/NAME`, or the first of `runs/NAME-2`, `-3`, ... that is free."""
    places = (RUNS / (name if number == 1 else f"{name}-{number}") for number in range(1, sys.maxsize))
    return next(place for place in places if not place.exists())


def importing_from_here(job: Job) -> None:
    """Let the modules that a recipe names be found in the folder where the user stands."""
    if job.allow and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))


def trained(job: Job, terminal: Terminal, device: str = "auto", beside: Sequence[Callback] = ()) -> History:
    """Train to the end, or until the user interrupts it; callbacks `beside` look on."""
    importing_from_here(job)
    data = assembly.data(job.recipe)
    model = initial(job, data).to(devices.find(device))
    what = f"Training {type(model).__name__} with {parameters(model):,} parameters on {data.title} -> {job.out}"
    said = Announced(terminal, what)
    with stopping_on_request() as stop:
        stopped = pretrained(job, model, data, [said, *watching(terminal), stop])
        if stopped is not None:
            return stopped
        return fit(
            model,
            data,
            objective=assembly.objective(job.recipe, job.allow),
            callbacks=[said, KeepRecipe(job), *watching(terminal), *beside, stop],
            run=job.out,
            resume=job.resume,
            **assembly.training(job.recipe),
        )


def pretrained(job: Job, model: Model, data: Dataset, callbacks: list[Callback]) -> History | None:
    """Train the layers of a deep model greedily, where the recipe says so; the history that the user cut short."""
    run = RunFolder(job.out)
    if job.recipe.pretrain is None or run.pointed("last") is not None:
        return None
    with run.held() if first_process() else nullcontext():
        keep_recipe(job)
        return beginning.pretrained(job.recipe, model, data, job.out, callbacks, job.resume)


def initial(job: Job, data: Dataset) -> Model:
    """The model with weights that depend on the recipe's seed alone."""
    return beginning.first_model(job.recipe, data, job.allow)


def parameters(model: Model) -> int:
    """How many numbers are learned."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
