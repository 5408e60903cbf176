"""Training, for every family: `fit(model, data)`."""

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.data.sources import load_data
from genlatent.distributions.supports import check
from genlatent.errors import DataError, RecipeError, RunError
from genlatent.model import Model, not_finite
from genlatent.numerics import devices
from genlatent.numerics.randomness import drawing_from, stream
from genlatent.objectives.base import Objective
from genlatent.training import compilations, distributed
from genlatent.training import mode as modes
from genlatent.training.callbacks import Callback, EarlyStopping
from genlatent.training.checkpoint import config_of, warn_if_weights_only
from genlatent.training.optimizer import Optimizer
from genlatent.training.order import check_share, num_batches, parts
from genlatent.training.run import RunFolder, how_trained
from genlatent.training.snapshot import resume as resume_from
from genlatent.training.trainer import Settings, Trainer

JUDGEMENTS = 100  # of the held-out part over a training, unless told otherwise


@dataclass(frozen=True, repr=False)
class History:
    """What a training did: one row of metrics for each epoch, and why it ended early, if it did."""

    rows: list[dict[str, Any]]
    stopped: str | None = None

    def __repr__(self) -> str:
        """How many rows there are, and the last one."""
        row = self.rows[-1] if self.rows else {}
        numbers = {name: f"{value:.4g}" if isinstance(value, float) else value for name, value in row.items()}
        last = ", ".join(f"{name}={value}" for name, value in numbers.items())
        return f"History({len(self.rows)} rows; {last}{f'; {self.stopped}' if self.stopped else ''})"

    def column(self, name: str) -> list[float]:
        """A metric over the epochs in which it was taken."""
        return [row[name] for row in self.rows if name in row]


def fit(
    model: Model,
    data: Dataset | Any,
    *,
    objective: Objective | None = None,
    optimizer: Optimizer | None = None,
    epochs: int | None = None,
    steps: int | None = None,
    batch_size: int = 128,
    labelled: int | None = None,
    average: float = 0.0,
    clip: float | None = None,
    patience: int | None = None,
    validate_every: int | None = None,
    keep: str | None = None,
    seed: int = 0,
    mode: str = "auto",
    matmul: str = "auto",
    callbacks: Sequence[Callback] = (),
    run: str | Path | None = None,
    resume: bool = False,
    checkpoint_seconds: float = 30.0,
    checkpoint_steps: int | None = None,
) -> History:
    """Fit a model to data; the model is changed in place, nothing else is.

    Args:
        model: what learns; it stays on the device it is on, and the data follow it there.
        data: a data set, or anything that `load_data` takes.
        objective: what is minimised; the model's own unless given.
        optimizer: how the parameters are moved; Adam at 1e-3 unless given.
        epochs, steps: how long; one of the two (10 epochs unless given).
        batch_size: rows in a step, over all processes together.
        labelled: how many of them have a label; the others are rows without one (-1), each once in an epoch. Unless
            given, rows of both kinds come as they are shuffled.
        average: the last part of training over which the parameters are averaged, as a fraction.
        clip: largest norm of the gradient.
        patience: stop after so many judgements on held-out rows without improvement, and keep the best.
        validate_every: epochs between judgements; about a hundred judgements in all unless given.
        keep: `last` or `best` parameters; the last ones unless there is a patience.
        seed: of the order of rows and of every draw; the model's initial weights are the caller's.
        mode: `eager`, `traced`, `compiled`, or `auto`.
        matmul: route of float32 products: `auto`, `float32`, `fast` or `bfloat16`.
        callbacks: look on and may stop the training.
        run: a folder for checkpoints and metrics.
        resume: go on from that folder's last checkpoint; the other arguments must be as they were.
        checkpoint_seconds, checkpoint_steps: least time, or number of steps, between checkpoints.
    """
    data = data if isinstance(data, Dataset) else load_data(data)
    optimizer = optimizer or Optimizer()
    if objective is None:
        with drawing_from(stream(seed, name="objective")):  # one may have weights of its own
            objective = model.objective()
    assert objective is not None
    _check_fits(objective, model)
    data = fitting(model, data)
    settings = _settings(
        data, optimizer, epochs, steps, batch_size, labelled, average, clip, patience, validate_every, keep, seed
    )
    folder = None if run is None else RunFolder(run)
    going_on = _going_on(folder, resume)
    device = devices.of(model)
    if going_on and folder is not None:
        made = how_trained(folder.checkpoint("last"))
        mode, matmul = made.mode, made.matmul
    with ExitStack() as stack:
        stack.enter_context(distributed.joined(device))
        if folder is not None and distributed.rank() == 0:
            stack.enter_context(folder.held())
            _refuse_overtaken(folder, going_on)
            folder.tidy()
            warn_if_weights_only(config_of(model))
        trainer = Trainer(
            model,
            data.to(device),
            objective,
            optimizer,
            settings,
            mode=_mode(mode, model, objective, settings, len(data.train)),
            matmul=matmul,
            callbacks=(*callbacks, *([EarlyStopping(patience)] if patience else [])),
            run=folder,
            checkpoint_seconds=checkpoint_seconds,
            checkpoint_steps=checkpoint_steps,
        )
        if going_on and folder is not None:
            resume_from(trainer, folder)
        else:
            trainer.start()
            if folder is not None and distributed.rank() == 0:
                folder.forget_metrics()
        trainer.train()
        trainer.engine.forget()
    return History(trainer.history, trainer.stopped)


def _mode(mode: str, model: Model, objective: Objective, settings: Settings, num_rows: int) -> str:
    """The mode to train in; a step that was compiled here before is soon compiled again."""
    if mode != "auto":
        return mode
    part = math.ceil(settings.batch_size / distributed.world())
    cost = compilations.expected(compilations.name_of(model, objective, part, num_rows))
    return modes.choose(
        mode, model, objective.rows(model, settings.batch_size), settings.steps, devices.of(model), cost
    )


def fitting(model: Model, data: Dataset) -> Dataset:
    """The data in the model's shape, or one sentence about why they do not fit it."""
    if data.shape != model.event_shape:
        model.shaped(data.test[:1])
        data = data.reshaped(model.event_shape)
    if data.missing and not model.missing:
        raise DataError(f"{data.title} has missing values; make the model with missing=True, or fill them first")
    _check_values(data)
    model.check_labels(*((None,) if data.labels is None else data.labels[:2]))
    if data.support != model.support:
        for part, rows in (("train", data.glimpse(len(data.train))), ("valid", data.valid)):
            seen = (rows > 0.5).to(rows) if data.binarisation == "dynamic" else rows
            check(seen, model.support, f"{data.title} ({part}) under {type(model).__name__}", missing=data.missing)
    return data


def _check_values(data: Dataset) -> None:
    """Refuse what is not finite in rows that may have been changed since the data set was made, and checked."""
    for part, rows in (("train", data.train), ("valid", data.valid)):
        if isinstance(rows, Tensor) and not_finite([(part, rows)]):
            check(rows, "real", f"{data.title} ({part})", missing=data.missing)


def _check_fits(objective: Objective, model: Model) -> None:
    """Refuse an objective that asks for what the model has not."""
    for part in objective.needs:
        if not hasattr(model, part):
            raise RecipeError(
                f"{type(objective).__name__} does not train a {type(model).__name__}, which has no {part!r}; "
                "leave the objective out to take the model's own"
            )


def _settings(
    data: Dataset,
    optimizer: Optimizer,
    epochs: int | None,
    steps: int | None,
    batch_size: int,
    labelled: int | None,
    average: float,
    clip: float | None,
    patience: int | None,
    validate_every: int | None,
    keep: str | None,
    seed: int,
) -> Settings:
    if epochs is not None and steps is not None:
        raise RecipeError("give epochs or steps, not both")
    for name, value in (("epochs", epochs), ("steps", steps), ("batch_size", batch_size)):
        if value is not None and value < 1:
            raise RecipeError(f"{name} must be at least 1, got {value}")
    if not 0.0 <= average < 1.0:
        raise RecipeError(f"average is a fraction of the training below 1, got {average}")
    if keep not in (None, "last", "best"):
        raise RecipeError(f"keep must be last or best, got {keep!r}")
    rows = len(data.train)
    if optimizer.needs_closure and batch_size < rows:
        raise RecipeError(f"{optimizer.method} needs full batches: set batch_size to {rows} or more")
    batch_size = min(batch_size, rows)
    per_epoch = math.ceil(rows / batch_size)
    if labelled is not None:
        known, others = (len(part) for part in parts(data))
        check_share(labelled, batch_size, known, others)
        per_epoch = num_batches(others, batch_size, labelled)
    if steps is None:
        steps = (10 if epochs is None else epochs) * per_epoch
    epochs = math.ceil(steps / per_epoch)
    return Settings(
        steps=steps,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        average=average,
        clip=clip,
        validate_every=validate_every or max(1, epochs // JUDGEMENTS),
        keep=keep or ("best" if patience else "last"),
        labelled=labelled,
    )


def _going_on(folder: RunFolder | None, resume: bool) -> bool:
    """Whether there is a checkpoint to go on from; an existing run is never overwritten."""
    if folder is None:
        if resume:
            raise RecipeError("resume needs the run folder: fit(..., run=FOLDER, resume=True)")
        return False
    started = folder.pointed("last") is not None
    if started and not resume:
        raise RunError(f"{folder.path} holds a run already; resume it, or name another folder")
    return started


def _refuse_overtaken(folder: RunFolder, going_on: bool) -> None:
    """Stop where another process began or ended this run between our first look at the folder and our hold of it."""
    if (folder.pointed("last") is not None) != going_on:
        raise RunError(f"{folder.path} was written by another process just now; resume it, or name another folder")
