"""Run folders of which one file is damaged, read by everything that reads a run folder, and gone on with."""

import atexit
import json
import random
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from genlatent.autoencoders.autoencoder import Autoencoder
from genlatent.cli.comparing import minutes
from genlatent.cli.opening import opened, recipe_of
from genlatent.cli.reporting import environment
from genlatent.data.dataset import Dataset
from genlatent.energy.rbm import RBM
from genlatent.errors import GenlatentError
from genlatent.latent.vae import VAE
from genlatent.networks.mlp import MLP
from genlatent.recipes.reading import dump
from genlatent.training.chains import kept_chains
from genlatent.training.fit import fit
from genlatent.training.run import checkpoint_of, how_trained
from tests.endurance.fuzzing.mutations import as_json, damaged, disordered

RECIPE = {"model": "rbm", "data": {"name": "digits", "binarise": "threshold"}, "train": {"steps": 2}}
GONE_ON = {"trainer.json": 0.3, "trainer.safetensors": 0.3, "recipe.yaml": 0.0}  # shares of a training that goes on


def data() -> Dataset:
    """Six rows of four bits."""
    x = (torch.arange(24).reshape(6, 4) % 3 == 0).float()
    return Dataset(x[:4], x[4:5], x[5:], torch.Size([4]), "binary", "tiny", columns=("a", "b", "c", "d"))


MODELS: dict[str, Callable[[], Any]] = {
    "rbm": lambda: RBM(4, 2),
    "vae": lambda: VAE((4,), latent=1, encoder=MLP((3,)), decoder=MLP((3,))),
    "autoencoder": lambda: Autoencoder((4,), latent=2),
}


def trained(name: str, run: Path, resume: bool = False) -> None:
    """Four steps of a tiny model, judged and kept."""
    torch.manual_seed(0)
    how: dict[str, Any] = {"batch_size": 2, "mode": "eager", "matmul": "float32", "checkpoint_steps": 2}
    fit(MODELS[name](), data(), steps=4, patience=3, run=run, resume=resume, **how)


def prepared() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Make the sound folders once; then a damaged file of one of them, and everything that reads it."""
    place = Path(tempfile.mkdtemp(prefix="genlatent-runs-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    for name in MODELS:
        trained(name, place / name)
        (place / name / "recipe.yaml").write_text(dump(RECIPE))
    files = [path for path in sorted(place.rglob("*")) if path.is_file() and path.name != ".lock"]
    contents = {str(path.relative_to(place)): path.read_bytes() for path in files}
    texts = {name: json.loads(content) for name, content in contents.items() if name.endswith(".json")}
    others = list(contents.values())

    def make(chance: random.Random) -> tuple[str, bytes]:
        name = chance.choice(list(contents))
        if name in texts and chance.random() < 0.7:
            return name, as_json(disordered(chance, texts[name]))
        return name, damaged(chance, contents[name], others)

    copies: dict[str, Path] = {}

    def reader(chance: random.Random, path: Path) -> None:
        """The damaged file takes its place in a copy of the sound folder, which is put in order again."""
        depth = path.parts[::-1].index("damaged")
        name, *inner = path.parts[-depth:]
        copy = copies.setdefault(name, path.parents[depth] / f"copy-{name}")
        if not copy.exists():
            shutil.copytree(place / name, copy)
        shutil.copyfile(path, copy.joinpath(*inner))
        going_on = chance.random() < GONE_ON.get(path.name, 0.02)
        try:
            _read(copy, name, path.name, going_on)
        finally:
            if going_on:  # which moves and removes checkpoints
                shutil.rmtree(copy)
            else:
                shutil.copyfile(place.joinpath(name, *inner), copy.joinpath(*inner))

    return make, reader


def _read(run: Path, name: str, file: str, going_on: bool) -> None:
    """Everything that reads the file, each whatever the others said; what is no refusal is told first."""
    asks = [*READERS.get(file, (_opened, _told)), *([lambda run: _gone_on(name, run)] if going_on else [])]
    refusals = []
    for ask in asks:
        try:
            ask(run)
        except Exception as error:
            refusals.append(error)
    for error in sorted(refusals, key=lambda e: isinstance(e, GenlatentError)):
        raise error


def _opened(run: Path) -> None:
    """The model, and a verb that every one of them has."""
    job = opened(run)
    if list(job.about["shape"]) == list(job.model.event_shape) == [4]:
        job.model.encode(torch.zeros(2, 4))


def _told(run: Path) -> None:
    how_trained(checkpoint_of(run))


def _chains(run: Path) -> None:
    kept_chains(run, RBM(4, 2))


def _metrics(run: Path) -> None:
    minutes(run)


def _environment(run: Path) -> None:
    environment(checkpoint_of(run))


READERS: dict[str, tuple[Callable[[Path], Any], ...]] = {
    "recipe.yaml": (recipe_of,),
    "metrics.jsonl": (_metrics,),
    "trainer.json": (_environment,),
    "trainer.safetensors": (_chains,),
}


def _gone_on(name: str, run: Path) -> None:
    with warnings.catch_warnings(action="ignore"):  # that it will not be bit-identical
        trained(name, run, resume=True)
