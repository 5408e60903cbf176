"""A recipe whose model is made of one that was trained before."""

from typing import Any

from genlatent import components
from genlatent.errors import RecipeError
from genlatent.model import Model
from genlatent.recipes.schema import Named, Recipe


def beginning_with(recipe: Recipe, trained: Model, into: str) -> Recipe:
    """The recipe with a trained model as an argument of its model, `into` being `base` or `encoder.machine`.

    >>> from genlatent import RBM
    >>> from genlatent.recipes.reading import read
    >>> recipe = beginning_with(read("digits-fine-tune"), RBM(64, 5), "base")
    >>> recipe.model.options["base"].hidden
    5
    """
    return _with(recipe, into, trained)


def told(recipe: Recipe, trained: Model, into: str) -> Recipe:
    """The same as plain values, for the run folder."""
    return _with(recipe, into, components.describe(trained))


def _with(recipe: Recipe, into: str, value: Any) -> Recipe:
    spec = recipe.model.model_dump()
    place, *rest = reversed(into.split("."))
    inner = spec
    for key in reversed(rest):
        inner = inner.get(key)
        if not isinstance(inner, dict):
            raise RecipeError(f"{into}: the model of the recipe has no {key!r} with arguments of its own")
    inner[place] = value
    return recipe.model_copy(update={"model": Named(**spec)})
