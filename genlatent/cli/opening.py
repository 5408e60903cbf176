"""A run folder, opened: its model on a device, and what it was trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from genlatent.data.binarise import bits, parse
from genlatent.data.catalogue import NAMED
from genlatent.data.dataset import Dataset, Splits
from genlatent.data.sources import load_data, load_rows_and_labels
from genlatent.distributions.supports import guess
from genlatent.errors import GenlatentError, RunError
from genlatent.model import Model
from genlatent.numerics import devices
from genlatent.recipes import assembly
from genlatent.recipes.reading import read_values
from genlatent.recipes.schema import Recipe, checked
from genlatent.training.chains import kept_chains
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
    about, model = data_info(path), load(path, allow=tuple(allow or ())).to(place)
    if not isinstance(model, Model):
        raise RunError(f"{path} holds a {type(model).__name__}, which is a part of a model and answers no verb alone")
    return Opened(path, model, about or _told_by(model), place)


def _told_by(model: Model) -> dict[str, Any]:
    """What a model that was saved without its data knows of them."""
    support = model.support if isinstance(model.support, str) else list(model.support)
    return {"shape": list(model.event_shape), "support": support}


def recipe_of(path: Path, advice: str = "name a run folder that `genlatent train` wrote") -> Recipe:
    """The recipe that a run folder was made from."""
    place = path / RECIPE
    if not place.is_file():
        raise RunError(f"{path} holds no {RECIPE}; {advice}")
    return checked(read_values(place), str(place))


def data_of(
    run: Opened, named: str | None = None, binarise: str = "none", advice: str = "name the data with --data"
) -> Dataset:
    """The data that the run was trained on, or those that the user names instead; `advice` says how to name them.

    A file of the user's own is read as the run's data were: with its columns, its numbers for texts, in its units.
    """
    if named in NAMED:
        return load_data(named, binarise=binarise)
    if named is not None:
        return _other_rows(run, named, binarise)
    data = assembly.data(recipe_of(run.path, advice))
    if data.fingerprint != run.about.get("fingerprint"):
        raise RunError(f"{data.title} has changed since {run.path} was trained on it; {advice}")
    return data


def _other_rows(run: Opened, named: str, binarise: str) -> Dataset:
    """A file whose rows are all to be judged on; what is learned from is still what the run learned from."""
    own = _own_data(run)
    about = run.about if own is None else own.about()
    if not about.keys() & {"title", "fingerprint"}:  # saved without its data
        return load_data(named, binarise=binarise)
    told = {}
    if own is not None and own.labels is not None:
        asked = recipe_of(run.path).data.options
        told = {name: asked[name] for name in ("labels", "conditions") if isinstance(asked.get(name), (str, list))}
    x, y = load_rows_and_labels(named, about, **told)
    how = binarise if binarise != "none" else about.get("binarisation", "none")
    grey = is_grey(x, about, how)
    x = bits(x, "test", parse(how)) if grey else x
    gaps = bool(x.isnan().any())
    name = Path(named).stem
    if own is not None and (not grey or how == own.binarisation):
        own = own if grey else _as_bits(own)
        labels = None if y is None or own.labels is None else Splits(*own.labels[:2], y)
        return replace(own, test=x, name=name, labels=labels, missing=own.missing or gaps)
    labels = None if y is None else Splits(y, y, y)
    support = about["support"] if isinstance(about["support"], str) else tuple(about["support"])
    kept = {"labels": labels, "missing": gaps, "binarisation": how if grey else "none"}
    return Dataset(x, x, x, x.shape[1:], support, name, **kept)


def _as_bits(data: Dataset) -> Dataset:
    """Data beside rows that nobody had to binarise: the title says nothing of it, and no row is grey."""
    if data.binarisation != "dynamic":
        return replace(data, binarisation="none")
    labels = data.labels and data.labels._replace(train=data.labels.valid)
    return replace(data, train=data.valid, labels=labels, binarisation="none")


def is_grey(x: torch.Tensor, about: Mapping[str, Any], how: str) -> bool:
    """Whether rows are grey values for a model of bits that were made of grey values."""
    return about.get("support") == "binary" and how != "none" and guess(x) == "unit"


def as_learned(x: torch.Tensor, about: Mapping[str, Any]) -> torch.Tensor:
    """Rows of a file as the model's own data were: grey values as bits, where those were made of grey values."""
    how = about.get("binarisation", "none")
    return bits(x, "test", parse(how)) if is_grey(x, about, how) else x


def _own_data(run: Opened) -> Dataset | None:
    """The data of the run, where they can still be had."""
    try:
        return data_of(run)
    except (GenlatentError, OSError):
        return None


def chains_of(run: Opened) -> dict[str, torch.Tensor] | None:
    """The persistent chains that the training of a machine ended with, by layer; None where it kept none."""
    return kept_chains(run.path, run.model)
