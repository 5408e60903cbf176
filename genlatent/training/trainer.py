"""The loop: batches in, parameters moved, metrics out, checkpoints written."""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from genlatent.components import NotDescribable, describe
from genlatent.data.dataset import Dataset
from genlatent.errors import Diverged
from genlatent.model import Model, not_finite, within_numbers
from genlatent.numerics import devices
from genlatent.numerics.randomness import drawing_from, stream
from genlatent.objectives.base import Objective
from genlatent.training import checkpoint, distributed
from genlatent.training.average import TailAverage, write
from genlatent.training.callbacks import Callback
from genlatent.training.fused import FusedStep
from genlatent.training.judge import Best, judged
from genlatent.training.optimizer import Optimizer
from genlatent.training.order import Epochs, Mixed, mine
from genlatent.training.run import RunFolder
from genlatent.training.snapshot import write_checkpoint
from genlatent.training.spoilt import spoilt_row, spoilt_state, spoilt_training
from genlatent.training.step import Outcome, Rows, Step
from genlatent.training.tally import Tally

AGREE = 10  # steps between the moments at which processes tell each other that one was asked to stop


@dataclass(frozen=True)
class Settings:
    """What decides the numbers of a training; a resumed one must have the same."""

    steps: int
    epochs: int
    batch_size: int
    seed: int
    average: float
    clip: float | None
    validate_every: int
    keep: str
    labelled: int | None = None


class Trainer:
    """One training, from the first step or from a checkpoint; :func:`genlatent.training.fit.fit` makes and runs it."""

    def __init__(
        self,
        model: Model,
        data: Dataset,
        objective: Objective,
        optimizer: Optimizer,
        settings: Settings,
        *,
        mode: str,
        matmul: str,
        callbacks: Sequence[Callback] = (),
        run: RunFolder | None = None,
        checkpoint_seconds: float = 30.0,
        checkpoint_steps: int | None = None,
    ):
        self.model, self.data, self.objective, self.optimizer = model, data, objective, optimizer
        self.settings, self.callbacks, self.run = settings, tuple(callbacks), run
        self.checkpoint_seconds, self.checkpoint_steps = checkpoint_seconds, checkpoint_steps
        self.device = devices.of(model)
        if isinstance(objective, nn.Module):
            objective.to(self.device)
        self.history: list[dict[str, Any]] = []
        self.step = self.epoch = self.last_batch = 0
        self.stopped: str | None = None
        self._ended = False
        self.state: dict[str, Tensor] = {}
        self.engine = Step(model, objective, observe=data.observe, mode=mode, matmul=matmul, num_rows=len(data.train))
        self.parameters = self.engine.trained
        self.torch_optimizer = optimizer.make(self.parameters.values())
        self._update = FusedStep(self.torch_optimizer)
        order = stream(settings.seed, name="order")
        self.order = (
            Mixed(data, settings.batch_size, settings.labelled, order)
            if settings.labelled
            else Epochs(data, settings.batch_size, order)
        )
        self.draws = stream(settings.seed, self.device, name=f"draws/{distributed.rank()}")
        start = settings.steps - math.ceil(settings.average * settings.steps) if settings.average else None
        running = {name: self.engine.buffers[name] for name in sorted(self.engine.running)}
        self.average = TailAverage(self.parameters | running, start)
        self.best = Best(f"valid/{objective.monitor}")
        self.tally = Tally()
        self._progress = torch.zeros((), device=self.device)
        self._batch: Rows | None = None  # of the last step
        self._good = {name: p.detach().clone() for name, p in self._weights().items()}
        self._started = self._last_write = time.monotonic()
        self.elapsed = 0.0  # seconds before this process took over

    @property
    def seconds(self) -> float:
        """How long the training has taken, in all processes that worked on it."""
        return self.elapsed + time.monotonic() - self._started

    @property
    def steps(self) -> int:
        """How many steps there are in all."""
        return self.settings.steps

    @property
    def epochs(self) -> int:
        """How many epochs there are in all."""
        return self.settings.epochs

    @property
    def watch(self) -> str:
        """The held-out metric by which the best parameters are chosen."""
        return self.best.watch

    @property
    def mode(self) -> str:
        """How steps are evaluated: eager, traced or compiled."""
        return self.engine.mode

    @property
    def route(self) -> str:
        """How float32 products are taken."""
        return self.engine.route

    def stop(self, reason: str) -> None:
        """End after the current step; where it can go on later, a checkpoint of it is written."""
        self.stopped = reason

    def start(self) -> None:
        """What happens before the first step of a new training."""
        self.model.check_weights()
        rows = self.data.train if isinstance(self.data.train, Tensor) else self.data.glimpse()
        with torch.no_grad(), drawing_from(stream(self.settings.seed, self.device, name="start")):
            self.model.begin(rows)
        draws = stream(self.settings.seed, self.device, name=f"state/{distributed.rank()}")
        with torch.no_grad(), drawing_from(draws):
            self.state = self.objective.init(self.model, rows, 1 / distributed.world())
        distributed.broadcast_([t.data for t in checkpoint.weights(self.engine.together).values()])
        self.remember()

    def train(self) -> None:
        """Run to the end, or until somebody asks to stop."""
        self._tell("begin")
        self.engine.together.train()
        try:
            while self.step < self.steps and not self._ended:
                self._run_epoch()
            self._flush()
            if self.run is not None:
                self.write()
            self._leave()
        finally:
            self.engine.together.eval()
            self._tell("end")

    def _run_epoch(self) -> None:
        stopped = None
        for batch in self.order:
            self.take(batch)
            self._tell("tick")
            stopped = self._agreed_stop()
            if self.step >= self.steps or stopped:
                break
            if self.checkpoint_steps and self.step % self.checkpoint_steps == 0:
                self.write()
        self._ended = bool(stopped)
        if not stopped:
            self._end_epoch()
            self._ended = distributed.agreed(bool(self.stopped), self.device)

    def _agreed_stop(self) -> str | None:
        if distributed.world() == 1:
            return self.stopped
        if self.step % AGREE:
            return None
        return (
            (self.stopped or "another process stopped") if distributed.agreed(bool(self.stopped), self.device) else None
        )

    def take(self, batch: Rows) -> None:
        """One step."""
        progress = self.step / self.steps
        self._progress.fill_(progress)
        for group in self.torch_optimizer.param_groups:
            group["lr"] = self.optimizer.rate(progress)
        self.last_batch = whole = len(batch.index)
        part = mine(batch)
        self._check_state()
        if self.optimizer.needs_closure:
            outcome = self._closure_step(part)
        else:
            outcome = self._evaluated(part)
            self._share(outcome, len(part.index) / whole)
            self._check_loss(part, outcome)
            self._move(outcome)
            self._update()
        self._batch = part
        self.state = outcome.state
        write(self.engine.buffers, outcome.buffers)
        self.tally.add(outcome.value, outcome.metrics)
        self.step += 1
        self.average.update(self.step)
        if self.tally.full:
            self._flush()

    def _evaluated(self, batch: Rows) -> Outcome:
        """Loss and gradients; a routine of linear algebra may refuse what is spoilt before there is a loss."""
        try:
            with within_numbers(f"training stopped at step {self.step + 1}"):
                return self.engine(batch, self._progress, self.state, self.draws)
        except (RuntimeError, ValueError, Diverged):
            self._flush()
            write(self._weights(), self._good)
            raise

    def _share(self, outcome: Outcome, weight: float) -> None:
        """Sum what every process found in its part of the batch."""
        if distributed.world() > 1:
            values = [outcome.value, *outcome.metrics.values()]
            buffers = [b for b in outcome.buffers.values() if b.is_floating_point()]
            distributed.sum_([*outcome.gradients.values(), *values, *buffers], weight)

    def _move(self, outcome: Outcome) -> None:
        """Hand the gradients to the parameters."""
        for name, parameter in self.parameters.items():
            parameter.grad = outcome.gradients.get(name)
        if self.settings.clip is not None:
            norm = torch.nn.utils.get_total_norm(outcome.gradients.values())
            if self._cheap and not math.isfinite(norm.item()):
                self._stop_lost(f"the gradient of {not_finite(outcome.gradients.items())} at step {self.step + 1}")
            torch.nn.utils.clip_grads_with_norm_(self.parameters.values(), self.settings.clip, norm)

    @property
    def _cheap(self) -> bool:
        """Whether a step's numbers can be read at once; elsewhere steps are queued, and numbers read in bulk."""
        return self.device.type == "cpu"

    def _check_state(self) -> None:
        found = spoilt_state(self.state) if self._cheap else None
        if found is not None:
            self._stop_lost(f"{found} before step {self.step + 1}")

    def _check_loss(self, batch: Rows, outcome: Outcome) -> None:
        """Stop before a loss that is not finite moves anything, so that what spoilt it can still be seen."""
        if not self._cheap or math.isfinite(outcome.value.item()):
            return
        self._flush()
        self._stop_if_row(batch, self.step + 1)
        self.tally.add(outcome.value, outcome.metrics)
        self.step += 1
        self._flush()

    def _stop_if_row(self, batch: Rows | None, step: int) -> None:
        found = None if batch is None else spoilt_row(batch, self.data.missing)
        if found is not None:
            self._stop_lost(f"{found}, at step {step}", "Fill that row, or leave it out")

    def _closure_step(self, batch: Rows) -> Outcome:
        """A step that evaluates the loss several times, each time with the same draws."""
        before = self.draws.get_state()
        outcomes: list[Outcome] = []

        def closure() -> Tensor:
            self.draws.set_state(before)
            outcomes[:] = [self.engine(batch, self._progress, self.state, self.draws)]
            self._share(outcomes[0], 1 / distributed.world())
            self._move(outcomes[0])
            for parameter in self.parameters.values():  # L-BFGS strings gradients together as they lie in memory
                parameter.grad = None if parameter.grad is None else parameter.grad.contiguous()
            return outcomes[0].value

        self.torch_optimizer.step(closure)  # pyright: ignore[reportCallIssue, reportArgumentType]
        return outcomes[0]

    def _flush(self) -> None:
        """Read the waiting metrics in bulk; stop at the first number that is not finite, here or in what is kept."""
        broken = self.tally.read()
        if broken is not None:
            self._stop_lost(f"{broken.name} is {broken.value} at step {self.step - broken.behind}")
        spoilt = spoilt_training(self)
        if spoilt is not None:
            self._stop_if_row(self._batch, self.step)
            self._stop_lost(f"{spoilt} at step {self.step}")
        unsound = self.model.unsound()
        if unsound is not None:
            self._stop_lost(f"{unsound} by step {self.step}")

    def _stop_lost(self, what: str, advice: str = "Try a lower learning rate, or clip the gradient") -> NoReturn:
        """Put the last good weights back, and say where they are kept."""
        write(self._weights(), self._good)
        kept = self.run.pointed("last") if self.run else None
        where = f"the last good checkpoint is {kept}" if kept else "the model has its last good weights again"
        raise Diverged(f"training stopped: {what}; {where}. {advice}")

    def _end_epoch(self) -> None:
        self._flush()
        self.epoch += 1
        self.remember()
        row: dict[str, Any] = {"step": self.step, "epoch": self.epoch} | self.tally.means()
        if self.epoch % self.settings.validate_every == 0 or self.step >= self.steps:
            with self.average.applied():
                row |= self._judgement()
                self.best.see(row, self._weights())
        row["seconds"] = round(self.seconds, 3)
        self.history.append(row)
        if self.run is not None and distributed.rank() == 0:
            self.run.append(row)
        self._tell("log", row)
        if self._due():
            self.write()

    def _judgement(self) -> dict[str, float]:
        found = judged(
            self.model,
            self.objective,
            self.data.valid,
            self.data.labels.valid if self.data.labels else None,
            seed=self.settings.seed,
            route=self.route,
        )
        return {f"valid/{name}": value for name, value in found.items()}

    def _due(self) -> bool:
        if self.run is None or self.step >= self.steps or self.checkpoint_steps:
            return False
        return distributed.agreed(time.monotonic() - self._last_write > self.checkpoint_seconds, self.device)

    def remember(self) -> None:
        """Keep a copy of weights that are known to be finite."""
        with torch.no_grad():
            for name, tensor in self._weights().items():
                self._good[name].copy_(tensor)

    def _leave(self) -> None:
        """Leave the weights that the settings keep in the model."""
        if self.settings.keep == "best" and self.best.weights:
            write(self._weights(), self.best.weights)
        else:
            self.average.settle()

    def _weights(self) -> dict[str, Tensor]:
        return checkpoint.weights(self.model)

    def _tell(self, moment: str, *details: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, moment)(self, *details)

    def write(self) -> None:
        """Write a checkpoint of this very step."""
        assert self.run is not None
        self._flush()
        folder = write_checkpoint(self, self.run)
        self._last_write = time.monotonic()
        if distributed.rank() == 0:
            self._tell("checkpoint", folder)

    def same(self) -> dict[str, Any]:
        """What must agree between a run and its continuation."""
        parts: dict[str, Any] = {"settings": asdict(self.settings), "processes": distributed.world()}
        for name in ("objective", "optimizer"):
            try:
                parts[name] = describe(getattr(self, name))
            except NotDescribable:
                parts[name] = type(getattr(self, name)).__name__
        return parts
