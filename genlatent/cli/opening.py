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
from genlatent.training.checkpoint import load
from genlatent.training.run import data_info

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


def data_of(run: Opened, named: str | None = None, binarise: str = "none") -> Dataset:
    """The data that the run was trained on, or those that the user names instead."""
    if named is not None:
        return load_data(named, binarise=binarise)
    data = assembly.data(recipe_of(run.path, "name what to judge on with --data"))
    if data.fingerprint != run.about["fingerprint"]:
        raise RunError(f"{data.title} has changed since {run.path} was trained on it; name the data with --data")
    return data
