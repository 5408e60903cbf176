"""A recipe in a line: its model, its data, how long it trains, and what it is for."""

import functools
import json
from pathlib import Path

from genlatent.recipes.schema import Recipe, TrainEntry

REACHED = Path(__file__).with_name("reached.json")


def summary(recipe: Recipe) -> dict[str, str]:
    """Model, data, length and description as texts.

    >>> from genlatent.recipes.reading import read
    >>> {name: text for name, text in summary(read("digits-rbm")).items() if name != "describe"}
    {'model': 'rbm', 'data': 'digits, threshold bits', 'length': '10,000 steps'}
    """
    bits = "" if recipe.data.binarise == "none" else f", {recipe.data.binarise} bits"
    before = "" if recipe.pretrain is None else f"{length(recipe.pretrain)} a layer, then "
    return {
        "model": recipe.model.name,
        "data": recipe.data.source + bits,
        "length": before + length(recipe.train),
        "describe": " ".join(recipe.describe.split()),
    }


def length(entry: TrainEntry) -> str:
    """How long: in epochs, or in steps."""
    return f"{entry.epochs:,} epochs" if entry.steps is None else f"{entry.steps:,} steps"


def reached(name: str) -> str:
    """What a shipped recipe was seen to reach on held-out rows, and how long it took there; empty where it was not."""
    found = _reached().get(name)
    return f"{found['held_out']}, {found['minutes']} min" if found else ""


@functools.cache
def _reached() -> dict[str, dict[str, str]]:
    return json.loads(REACHED.read_text(encoding="utf-8"))["recipes"] if REACHED.exists() else {}
