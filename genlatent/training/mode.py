"""Which mode: what `auto` means, decided from sizes and from what compiling is known to cost."""

import os
import shutil

import torch
from torch import nn

COMPILE_SECONDS = 20.0  # a cold compilation, unless one of this very step is remembered
FLOPS_PER_SECOND = 2e11  # a product's rate, for the estimate only
SAVED_SHARE, SAVED_SECONDS = 0.15, 1.5e-4  # what a compiled step saves of the products' time, and of the overhead


def choose(mode: str, model: nn.Module, rows: int, steps: int, device: torch.device, cost: float | None = None) -> str:
    """The mode to train in; `auto` is `compiled` where that pays back, and `traced` elsewhere.

    Args:
        mode: taken as it is unless it is `auto`.
        model, rows, steps: how much work there is, rows of a step as its objective counts them.
        device: where.
        cost: seconds until a compiled step runs, where that is known (see :mod:`.compilations`).

    >>> choose("auto", nn.Linear(2, 2), 32, 100, torch.device("cpu"))
    'traced'
    """
    if mode != "auto":
        return mode
    if device.type != "cpu" or not compiler_found():
        return "traced"
    products = 6 * sum(p.numel() for p in model.parameters()) * rows / FLOPS_PER_SECOND
    saved = steps * (SAVED_SHARE * products + SAVED_SECONDS)
    return "compiled" if saved > (COMPILE_SECONDS if cost is None else cost) else "traced"


def compiler_found() -> bool:
    """Whether there is a C++ compiler to compile graphs with."""
    return any(shutil.which(name) for name in (os.environ.get("CXX", "g++"), "g++", "clang++"))
