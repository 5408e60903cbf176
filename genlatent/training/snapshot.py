"""Checkpoints of a training: everything that decides what comes next."""

import warnings
from pathlib import Path
from typing import Any

import torch

from genlatent import storage
from genlatent.components import REFUSED, NotDescribable
from genlatent.errors import GenlatentError, RunError
from genlatent.numerics import devices
from genlatent.training import checkpoint, distributed
from genlatent.training.average import write
from genlatent.training.position import check_position
from genlatent.training.run import RunFolder, read_config
from genlatent.training.tree import pack, unpack

ADAM = {"step", "exp_avg", "exp_avg_sq"}
MOMENTS = {"adam": ADAM, "adamw": ADAM, "adagrad": {"step", "sum"}}
NOTHING = object()  # differs from whatever stands there
SHAPED = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer", "sum", "square_avg")  # as their parameter is

# A checkpoint is whole before a pointer names it, and what a pointer named before is removed last.


def write_checkpoint(trainer: Any, run: RunFolder) -> Path:
    """Write the current step (by all processes together), move the pointers, remove what is no longer named."""
    first = distributed.rank() == 0
    folder = run.checkpoints / f"{trainer.step:08d}"
    best = _write_best(trainer, run) if first else None
    if first and not folder.exists():
        with storage.new_folder(folder, tag=trainer.step) as temporary:
            with trainer.average.applied():
                config = checkpoint.config_of(trainer.model, about(trainer) | {"best": best and best.name})
                checkpoint.write_model(trainer.model, temporary, config)
            distributed.barrier()
            _write_position(trainer, run, temporary)
            distributed.barrier()
    elif not first:
        distributed.barrier()
        with storage.said(folder):
            _write_position(trainer, run, storage.beside(folder, trainer.step))
        distributed.barrier()
    if first:
        run.point("last", folder)
        if best is not None:
            run.point("best", best)
        run.tidy()
    distributed.barrier()
    return folder


def _write_best(trainer: Any, run: RunFolder) -> Path | None:
    """The best weights so far as a checkpoint of their own, without the means to go on."""
    if trainer.best.step is None:
        return None
    folder = run.checkpoints / f"best-{trainer.best.step:08d}"
    if not folder.exists():
        now = {name: tensor.detach().clone() for name, tensor in checkpoint.weights(trainer.model).items()}
        write(checkpoint.weights(trainer.model), trainer.best.weights)
        try:
            with storage.new_folder(folder) as temporary:
                about_best = about(trainer) | {"step": trainer.best.step, "value": trainer.best.value}
                checkpoint.write_model(trainer.model, temporary, checkpoint.config_of(trainer.model, about_best))
        finally:
            write(checkpoint.weights(trainer.model), now)
    return folder


def _write_position(trainer: Any, run: RunFolder, folder: Path) -> None:
    tensors: dict[str, torch.Tensor] = {}
    tree = pack(position(trainer) | {"metrics": run.settled_metrics()}, tensors)
    mark = f"-{distributed.rank()}" if distributed.rank() else ""
    checkpoint.write_tensors(folder / f"trainer{mark}.safetensors", tensors)
    storage.put_json(folder / f"trainer{mark}.json", {"environment": environment(trainer), "position": tree})


def about(trainer: Any) -> dict[str, Any]:
    """Everything but the model that `config.json` records."""
    return {
        "step": trainer.step,
        "data": trainer.data.about(),
        "keep": trainer.settings.keep,
        "training": trainer.same() | {"mode": trainer.mode, "matmul": trainer.route},
    }


def environment(trainer: Any) -> dict[str, Any]:
    """What bit-identical numbers depend on beside the settings."""
    return {
        "mode": trainer.mode,
        "matmul": trainer.route,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "device": devices.describe(trainer.device),
    }


def position(trainer: Any) -> dict[str, Any]:
    """Everything that decides what comes next, beside the weights."""
    return {
        "step": trainer.step,
        "epoch": trainer.epoch,
        "order": trainer.order.state(),
        "draws": trainer.draws.get_state(),
        "state": trainer.state,
        "optimizer": trainer.torch_optimizer.state_dict()["state"],
        "iterate": {name: tensor.detach() for name, tensor in trainer.average.tensors.items()},
        "buffers": {name: b for name, b in trainer.engine.buffers.items() if name.startswith("objective.")},
        "average": trainer.average.state(),
        "best": trainer.best.state(),
        "sums": trainer.tally.sums,
        "summed": trainer.tally.steps,
        "seconds": trainer.seconds,
    }


def resume(trainer: Any, run: RunFolder) -> None:
    """Continue a training where the run folder's last checkpoint stands; one that was damaged is refused."""
    try:
        _resume(trainer, run)
    except GenlatentError:
        raise
    except REFUSED as error:
        raise RunError(
            f"{run.path} cannot be gone on with: its checkpoint is damaged ({type(error).__name__}: {error}); "
            "train again, or put a copy of the checkpoint back"
        ) from error


def _resume(trainer: Any, run: RunFolder) -> None:
    folder = run.checkpoint("last")
    config = read_config(folder)
    _refuse_other(config, trainer)
    checkpoint.read_weights(trainer.model, folder)
    checkpoint.mark_prepared(trainer.model, config)
    mark = f"-{distributed.rank()}" if distributed.rank() else ""
    stored = storage.read_json(folder / f"trainer{mark}.json")
    tensors = checkpoint.read_tensors(folder / f"trainer{mark}.safetensors")
    checkpoint.refuse_spoilt(tensors, folder)
    found: dict[str, Any] = unpack(stored["position"], tensors)
    check_position(found, trainer.draws.get_state(), trainer.order.start)
    _warn_if_elsewhere(stored["environment"], environment(trainer))
    _restore(trainer, found)
    if config["best"] is not None:
        best = checkpoint.stored_weights(trainer.model, run.beside(folder, config["best"]))
        trainer.best.restore(found["best"], {name: tensor.to(trainer.device) for name, tensor in best.items()})
    if distributed.rank() == 0:
        if config["best"] is not None:
            run.point("best", run.beside(folder, config["best"]))
        run.cut_metrics(found["metrics"])
    distributed.barrier()
    trainer.history = run.read_metrics()
    trainer.remember()


def _restore(trainer: Any, found: dict[str, Any]) -> None:
    write(trainer.average.tensors, found["iterate"])
    write(trainer.engine.buffers, found["buffers"])
    trainer.step, trainer.epoch = found["step"], found["epoch"]
    trainer.order.restore(found["order"])
    trainer.draws.set_state(found["draws"])
    trainer.state = {name: tensor.to(trainer.device) for name, tensor in found["state"].items()}
    whole = trainer.torch_optimizer.state_dict()
    _check_moments(list(trainer.parameters.values()), found["optimizer"], MOMENTS.get(trainer.optimizer.method))
    trainer.torch_optimizer.load_state_dict({**whole, "state": found["optimizer"]})
    trainer.average.restore(found["average"])
    trainer.best.restore(found["best"], {})
    trainer.tally.sums, trainer.tally.steps = found["sums"], found["summed"]
    trainer.elapsed = found["seconds"]


def _check_moments(parameters: list[torch.Tensor], states: dict[Any, dict[str, Any]], names: set[str] | None) -> None:
    """Refuse moments of another shape than their parameter's: fused updates do not look where they write."""
    for number, state in states.items():
        if names is not None and set(state) != names:
            raise ValueError(f"parameter {number} has {', '.join(map(str, state))} where {', '.join(names)} belong")
        for name, value in state.items():
            if name in SHAPED and (value.shape != parameters[number].shape or value.dtype != parameters[number].dtype):
                raise ValueError(f"{name} of parameter {number} has shape {tuple(value.shape)}")
            if name == "step" and value.numel() != 1:
                raise ValueError(f"the step of parameter {number} is {tuple(value.shape)} numbers")


def _refuse_other(config: dict[str, Any], trainer: Any) -> None:
    """A continuation with other settings would be another training."""
    try:
        now: Any = checkpoint.describe(trainer.model)
    except NotDescribable:
        now = config["model"]
    pairs = [("data", config["data"]["fingerprint"], trainer.data.fingerprint), ("model", config["model"], now)]
    pairs += [("data", config["data"]["title"], trainer.data.title)]
    pairs += [(name, config["training"].get(name), value) for name, value in trainer.same().items()]
    for name, before, after in pairs:
        if before != after:
            raise RunError(
                f"the run cannot be resumed: its {name} was {_differing(before, after)}; use the same, or a new folder"
            )


def _differing(before: Any, after: Any) -> str:
    if isinstance(before, dict) and isinstance(after, dict):
        name = next(key for key in before | after if before.get(key, NOTHING) != after.get(key, NOTHING))
        return f"{name}={before.get(name)!r}, now {after.get(name)!r}"
    return f"{before!r}, now {after!r}"


def _warn_if_elsewhere(before: dict[str, Any], now: dict[str, Any]) -> None:
    differs = [
        f"{key} was {before[key]!r}, now {now[key]!r}" for key in now if before.get(key) not in (now[key], "auto")
    ]
    if differs:
        warnings.warn(f"the resumed run will not be bit-identical: {'; '.join(differs)}", stacklevel=2)
