"""`train --dry-run`: what a training would be like, from a few steps that leave nothing behind."""

import math
import resource
import statistics
import sys
import time
from typing import Any

import torch
from torch import Tensor

from genlatent.cli.progress import duration
from genlatent.cli.terminal import Terminal
from genlatent.cli.training import Job, importing_from_here, initial, parameters
from genlatent.data.dataset import Dataset
from genlatent.model import Model
from genlatent.numerics import devices
from genlatent.recipes import assembly
from genlatent.training import mode as modes
from genlatent.training.callbacks import Callback
from genlatent.training.fit import fit
from genlatent.training.judge import judged

FEWEST, SECONDS = 5, 3.0  # timed steps at least, and time that they may take beyond
MIB = 2**20


class Clock(Callback):
    """Times steps, the first of which prepares the others, then one judgement, and stops the training."""

    def __init__(self):
        self.times: list[float] = []
        self.found: dict[str, Any] = {}

    def begin(self, trainer: Any) -> None:
        """Start."""
        self.start = self.last = time.perf_counter()

    def tick(self, trainer: Any) -> None:
        """Time a step."""
        if trainer.device.type != "cpu":
            torch.accelerator.synchronize(trainer.device)
        now = time.perf_counter()
        self.times.append(now - self.last)
        self.last = now
        if len(self.times) > FEWEST and now - self.start > SECONDS:
            trainer.stop("timed")

    def end(self, trainer: Any) -> None:
        """See what the training was made of."""
        start = time.perf_counter()
        y = trainer.data.labels
        judged(trainer.model, trainer.objective, trainer.data.valid, None if y is None else y.valid)
        self.found = {
            "judging": time.perf_counter() - start,
            "judgements": math.ceil(trainer.epochs / trainer.settings.validate_every),
            "steps": trainer.steps,
            "epochs": trainer.epochs,
            "batch_size": trainer.settings.batch_size,
            "rows": trainer.objective.rows(trainer.model, trainer.settings.batch_size),
            "mode": trainer.mode,
            "products": trainer.route,
            "optimizer": sum(_bytes(list(s.values())) for s in trainer.torch_optimizer.state.values()),
            "state": _bytes(list(trainer.state.values())),
            "data": _bytes([trainer.data.train, trainer.data.valid, trainer.data.test]),
        }


def rehearse(job: Job, terminal: Terminal, device: str) -> dict[str, Any]:
    """Take a few steps of a training without writing anything, and say what all of it would take."""
    importing_from_here(job)
    data = assembly.data(job.recipe)
    model = initial(job, data).to(devices.find(device))
    place = devices.of(model)
    settings = assembly.training(job.recipe)
    clock = Clock()
    wished = settings["mode"]
    fit(
        model,
        data,
        objective=assembly.objective(job.recipe, job.allow),
        callbacks=[clock],
        **settings | {"mode": "traced" if wished == "auto" else wished, "average": 0.0},
    )
    of = clock.found
    chosen = modes.choose(wished, model, of["rows"], of["steps"], place)
    step = statistics.median(clock.times[1:] or clock.times)
    compiling = modes.COMPILE_SECONDS if chosen == "compiled" else 0.0
    seconds = clock.times[0] + compiling + of["steps"] * step + of["judgements"] * of["judging"]
    found = {
        "model": type(model).__name__,
        "parameters": parameters(model),
        "parts": parts(model),
        "data": repr(data),
        "steps": of["steps"],
        "epochs": of["epochs"],
        "batch_size": of["batch_size"],
        "mode": chosen,
        "timed_mode": of["mode"],
        "products": of["products"],
        "device": devices.describe(place),
        "memory": memory(model, of, place),
        "step_seconds": step,
        "seconds": seconds,
        "pretraining": None if job.recipe.pretrain is None else "each layer first, which is not in the time",
        "run": str(job.out),
    }
    _say(found, data, terminal)
    return found


def parts(model: Model) -> dict[str, int]:
    """How many numbers are learned in each part of a model."""
    found: dict[str, int] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            part = name.partition(".")[0]
            found[part] = found.get(part, 0) + parameter.numel()
    return found


def memory(model: Model, of: dict[str, Any], place: torch.device) -> dict[str, int]:
    """Bytes by what they are for; the last is the most that was in use while steps were timed."""
    weights = _bytes(list(model.parameters()))
    found = {"weights": weights, "gradients": _bytes([p for p in model.parameters() if p.requires_grad])}
    found |= {"optimizer": of["optimizer"], "chains and other state": of["state"], "data": of["data"]}
    if place.type != "cpu":
        return found | {"peak on the device": torch.accelerator.max_memory_allocated(place)}
    unit = 1 if sys.platform == "darwin" else 1024
    return found | {"peak of this process": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}


def _bytes(things: list[Any]) -> int:
    return sum(t.numel() * t.element_size() for t in things if isinstance(t, Tensor))


def _say(found: dict[str, Any], data: Dataset, terminal: Terminal) -> None:
    terminal.say(f"{found['model']} with {found['parameters']:,} parameters on {data!r} -> {found['run']}")
    terminal.table([("part", "parameters"), *((name, f"{number:,}") for name, number in found["parts"].items())])
    terminal.say()
    terminal.table([("memory", "MiB"), *((name, f"{size / MIB:,.1f}") for name, size in found["memory"].items())])
    terminal.say()
    timed = "" if found["mode"] == found["timed_mode"] else f" (timed {found['timed_mode']}; compiled ones are faster)"
    terminal.say(f"{found['steps']:,} steps of {found['batch_size']} rows, {found['epochs']:,} epochs")
    terminal.say(f"mode {found['mode']}, {found['products']} products, on {found['device']}")
    terminal.say(f"{1000 * found['step_seconds']:.2f} ms a step{timed}: about {duration(found['seconds'])} in all")
    if found["pretraining"]:
        terminal.say(f"pretraining: {found['pretraining']}")
    terminal.say("Nothing was written.")
