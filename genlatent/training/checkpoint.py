"""Models on disk: plain values in JSON, weights in safetensors, each folder whole or absent."""

import os
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import genlatent
from genlatent import storage
from genlatent.components import NotDescribable, build, describe
from genlatent.errors import RunError
from genlatent.model import Model, not_finite
from genlatent.numerics.randomness import drawing_from
from genlatent.training.average import write
from genlatent.training.ration import Ration
from genlatent.training.run import FORMAT, checkpoint_of, read_config


def weights(model: nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer once, by name; tied ones under their first name."""
    return dict(model.named_parameters()) | dict(model.named_buffers())


def write_tensors(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, str] | None = None) -> None:
    """Tensors as a safetensors file, detached from any memory they share."""
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    try:
        save_file(plain, path, metadata=dict(about or {}))
    except SafetensorError as error:
        raise _as_os_error(error) from error


def _as_os_error(error: SafetensorError) -> OSError:
    """What the system said, which safetensors passes on as text.

    >>> _as_os_error(SafetensorError("I/O error: No space left on device (os error 28)"))
    OSError(28, 'No space left on device')
    """
    number = re.search(r"os error (\d+)", str(error))
    return OSError(str(error)) if number is None else OSError(int(number[1]), os.strerror(int(number[1])))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors of a safetensors file, or one sentence about why it cannot be read."""
    try:
        return load_file(path)
    except (OSError, ValueError, LookupError, RuntimeError, MemoryError, SafetensorError) as error:
        raise RunError(
            f"{path} cannot be read: {error}; the file is missing or damaged, so use another checkpoint"
        ) from error


def save(model: Model, folder: str | Path, *, about: Mapping[str, Any] | None = None) -> None:
    """Write a model's description and weights into a new folder.

    Args:
        model: what is saved; an argument that plain values cannot rebuild is named in a warning, and
            :func:`load` then takes the model object again.
        folder: must not exist yet, or be empty.
        about: further plain values to keep in `config.json`.
    """
    model.check_weights()
    folder = Path(folder)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    if folder.exists():
        raise RunError(f"{folder} exists already; name a folder that does not")
    config = config_of(model, about)
    warn_if_weights_only(config)
    with storage.new_folder(folder) as temporary:
        write_model(model, temporary, config)


def config_of(model: Model, about: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The contents of `config.json`."""
    config = {"format": FORMAT, "genlatent": genlatent.__version__, "model": None, **(about or {})}
    config["prepared"] = [name for name, part in _models(model) if part.prepared]
    try:
        config["model"] = describe(model)
    except NotDescribable as reason:
        config["model_reason"] = str(reason)
    return config


def warn_if_weights_only(config: Mapping[str, Any]) -> None:
    """Say so where the model itself will be needed to load what is being saved."""
    if reason := config.get("model_reason"):
        warnings.warn(f"only weights are saved, load(..., model=...) will need the model again: {reason}", stacklevel=3)


def write_model(model: Model, folder: Path, config: Mapping[str, Any]) -> None:
    """The two files of a model into a folder that is being written."""
    storage.put_json(folder / "config.json", config)
    write_tensors(folder / "model.safetensors", weights(model))


def load(path: str | Path, model: Model | None = None, *, which: str | None = None, allow: Sequence[str] = ()) -> Model:
    """The model of a run folder or of a saved one, ready to be asked.

    Args:
        path: what `fit(run=...)`, `genlatent train` or :func:`save` wrote.
        model: an object of the same structure, for models that plain values cannot rebuild.
        which: `last` or `best` checkpoint; by default the one that the training chose.
        allow: prefixes of modules outside genlatent that may be imported, because you trust them.
    """
    while True:
        folder = checkpoint_of(path, which)
        try:
            return _loaded(folder, model, allow)
        except RunError:
            if checkpoint_of(path, which) == folder:
                raise  # otherwise a training has written a later one meanwhile, and removed this


def _loaded(folder: Path, model: Model | None, allow: Sequence[str]) -> Model:
    config = read_config(folder)
    if model is None:
        if config.get("model") is None:
            raise RunError(f"{folder} needs the model object, load(..., model=...): {config.get('model_reason')}")
        model = _built(config["model"], folder, allow)
    read_weights(model, folder)
    mark_prepared(model, config)
    return model.eval()


def mark_prepared(model: nn.Module, config: Mapping[str, Any]) -> None:
    """Let the models that had begun from data before they were saved keep what they have learned."""
    told = config.get("prepared")
    for name, part in _models(model):
        part.prepared = part.prepared or (isinstance(told, list) and name in told)


def _models(model: nn.Module) -> list[tuple[str, Model]]:
    """The model and those that it is made of, by name."""
    return [(name, part) for name, part in model.named_modules() if isinstance(part, Model)]


def _built(described: Any, folder: Path, allow: Sequence[str]) -> Model:
    """The model that plain values describe; the weights are overwritten, so nobody's random numbers need to move."""
    weights = folder / "model.safetensors"
    stored = weights.stat().st_size if weights.is_file() else 0
    try:
        with drawing_from(torch.Generator()), Ration(stored, folder):
            model = build(described, "model", allow)
    except RecursionError as error:
        raise RunError(f"{folder} describes a model whose parts are nested too deep; it is damaged") from error
    if not isinstance(model, nn.Module):
        raise RunError(f"{folder / 'config.json'} describes no model but {model!r}; use another checkpoint")
    return model  # pyright: ignore[reportReturnType]  (a prior of its own can be saved too)


def read_weights(model: nn.Module, folder: Path) -> None:
    """Copy the weights of a checkpoint into a model of the same structure."""
    write(weights(model), stored_weights(model, folder))


def stored_weights(model: nn.Module, folder: Path) -> dict[str, Tensor]:
    """The weights of a checkpoint, which are those of a model of the same structure."""
    stored, wanted = read_tensors(folder / "model.safetensors"), weights(model)
    for name, tensor in wanted.items():
        if name not in stored or stored[name].shape != tensor.shape:
            found = tuple(stored[name].shape) if name in stored else "nothing"
            raise RunError(f"{folder}: weight {name!r} should have shape {tuple(tensor.shape)}, found {found}")
        if stored[name].is_floating_point() != tensor.is_floating_point() or stored[name].is_complex():
            raise RunError(f"{folder}: weight {name!r} should hold {tensor.dtype}, found {stored[name].dtype}")
    refuse_spoilt(stored, folder)
    if extra := sorted(set(stored) - set(wanted)):
        raise RunError(f"{folder} holds weights that this model has not: {', '.join(extra[:3])}")
    return stored


def refuse_spoilt(stored: Mapping[str, Tensor], folder: Path) -> None:
    """Refuse numbers on disk that are not finite: nothing that is written here ever is."""
    found = not_finite(stored.items())
    if found is not None:
        raise RunError(f"{folder}: {found}, so the checkpoint is damaged; use another one")
