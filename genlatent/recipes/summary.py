"""A recipe in a line: its model, its data, how long it trains, and what it is for."""

from genlatent.recipes.schema import Recipe, TrainEntry


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
