"""A run folder, opened: its model on a device, and what it was trained on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from genlatent.data.dataset import Dataset
from genlatent.data.sources import load_data
from genlatent.errors import RunError
from genlatent.model import Model
from genlatent.numerics import devices
from genlatent.recipes import assembly
from genlatent.recipes.reading import read_values
from genlatent.recipes.schema import Recipe, checked
from genlatent.training.checkpoint import load, read_tensors
from genlatent.training.run import checkpoint_of, data_info

RECIPE = "recipe.yaml"


class Opened(NamedTuple):
    """A trained model and its circumstances."""

    path: Path
    model: Model
    about: dict[str, Any]  # of the data it was trained on
    device: torch.device


def opened(path: Path, device: str = "auto", allow: Sequence[str] | None = None) -> Opened:
    """The model of a run folder, ready to be asked."""
    place = devices.find(device)
    return Opened(path, load(path, allow=tuple(allow or ())).to(place), data_info(path), place)


def recipe_of(path: Path, advice: str = "name a run folder that `genlatent train` wrote") -> Recipe:
    """The recipe that a run folder was made from."""
    place = path / RECIPE
    if not place.is_file():
        raise RunError(f"{path} holds no {RECIPE}; {advice}")
    return checked(read_values(place), str(place))


def data_of(
    run: Opened, named: str | None = None, binarise: str = "none", advice: str = "name the data with --data"
) -> Dataset:
    """The data that the run was trained on, or those that the user names instead; `advice` says how to name them."""
    if named is not None:
        return load_data(named, binarise=binarise)
    data = assembly.data(recipe_of(run.path, advice))
    if data.fingerprint != run.about["fingerprint"]:
        raise RunError(f"{data.title} has changed since {run.path} was trained on it; {advice}")
    return data


def chains_of(run: Opened) -> dict[str, torch.Tensor] | None:
    """The persistent chains that the training of a machine ended with, by layer; None where it kept none."""
    place = checkpoint_of(run.path) / "trainer.safetensors"
    data = getattr(run.model, "data", None)
    if data is None or not place.is_file():
        return None
    found = {name: s for name, s in read_tensors(place).items() if name.startswith("/state/chains")}
    named = {name.removeprefix("/state/chains").lstrip("_/") or data: s for name, s in found.items()}
    chains = {name: s.flatten(1).to(run.device) for name, s in named.items() if _fits(run.model, name, s)}
    return chains if data in chains else None


def _fits(model: Any, layer: str, s: torch.Tensor) -> bool:
    """Whether these are states of that layer, one for each chain."""
    return layer in model.layers and s.dim() > 1 and s.is_floating_point() and s[0].numel() == model.sizes[layer]
