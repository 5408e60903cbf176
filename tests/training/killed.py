"""A training in a process of its own, to be killed at any moment and started again."""

import os

import torch

from genlatent import fit, load_data
from genlatent.training.optimizer import Optimizer
from tests.training.conftest import FAMILIES

STEPS = 600


def train(family: str, folder: str) -> None:
    """Train from the beginning, or from where the run folder stands; always with the same arguments."""
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    torch.manual_seed(1)
    fit(
        FAMILIES[family](),
        load_data("digits", binarise="dynamic"),
        steps=STEPS,
        batch_size=100,
        average=0.5,
        optimizer=Optimizer("adam", 1e-3, schedule="linear"),
        keep="best",
        validate_every=5,
        mode="traced",
        run=folder,
        resume=True,
        checkpoint_steps=6,
    )
