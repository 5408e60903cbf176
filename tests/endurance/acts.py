"""What processes do on the stage: trainings, commands and downloads, all of them small and the same every time."""

import os
from dataclasses import replace
from functools import cache

import torch

import genlatent.cli.main
import genlatent.cli.rows
import genlatent.cli.sample
import genlatent.cli.training
import genlatent.evaluation.evaluate
import genlatent.plots.grids
import genlatent.report.run
from genlatent import fit, load_data
from genlatent.components import build
from genlatent.data import conversions
from genlatent.data.dataset import Dataset
from genlatent.data.manifest import PUBLISHED, Target
from genlatent.errors import GenlatentError
from genlatent.training.optimizer import Optimizer
from tests.test_models import EXAMPLES

STEPS, EVERY, ROWS, BATCH = 12, 2, 60, 20


@cache
def few() -> Dataset:
    """A handful of digits."""
    digits = load_data("digits", binarise="dynamic")
    assert digits.labels is not None
    parts = {name: getattr(digits, name)[:ROWS] for name in ("train", "valid", "test")}
    return replace(digits, **parts, labels=digits.labels._make(y[:ROWS] for y in digits.labels))


def begin() -> None:
    """Load what is loaded only when it is asked for, once, before anything is forked."""
    torch.set_num_threads(1)
    fit(build(EXAMPLES["autoencoder"], "model"), few(), steps=1, mode="eager")  # pyright: ignore[reportArgumentType]


def train(family: str, folder: str, mode: str = "eager") -> int:
    """Train from the beginning, or from where the run folder stands; 2 where that is refused, as the command does."""
    try:
        _train(family, folder, mode)
    except GenlatentError as reason:
        print(reason)
        return 2
    return 0


def _train(family: str, folder: str, mode: str) -> None:
    torch.manual_seed(1)
    fit(
        build(EXAMPLES[family], "model"),  # pyright: ignore[reportArgumentType]
        few(),
        steps=STEPS,
        batch_size=BATCH,
        average=0.5,
        optimizer=Optimizer("adam", 1e-3, schedule="linear"),
        keep="best",
        validate_every=1,
        mode=mode,
        run=folder,
        resume=True,
        checkpoint_steps=EVERY,
    )


def command(place: str, arguments: list[str]) -> int:
    """`genlatent ...` in a folder."""
    os.chdir(place)
    return genlatent.cli.main.answer(arguments)


def get(folder: str, url: str, digest: str) -> int:
    """Download a data set of one file as it is published."""
    PUBLISHED["mnist"] = (Target("data.gz", "https://nowhere.invalid/data.gz", digest),)
    return _fetched("mnist", folder, url)


def get_converted(folder: str, url: str, digest: str) -> int:
    """Download a data set whose file is made of what is published."""
    target = Target("train.npz", "https://nowhere.invalid/train.amat", None, conversions.from_amat, digest)
    PUBLISHED["binarized-mnist"] = (target,)
    return _fetched("binarized-mnist", folder, url)


def _fetched(name: str, folder: str, url: str) -> int:
    return genlatent.cli.main.answer(["data", "fetch", name, "--folder", folder, "--base-url", url, "--quiet"])
