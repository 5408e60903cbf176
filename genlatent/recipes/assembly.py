"""From a checked recipe to the objects it names; what the data decide is filled in from the data."""

from collections.abc import Iterator, Sequence
from typing import Any

from genlatent import components
from genlatent.data.dataset import Dataset
from genlatent.data.sources import load_data
from genlatent.errors import RecipeError
from genlatent.model import Model
from genlatent.objectives.base import Objective
from genlatent.recipes.schema import Recipe
from genlatent.training.optimizer import Optimizer


def data(recipe: Recipe) -> Dataset:
    """The data set, split and binarised as the recipe says."""
    return load_data(recipe.data.source, binarise=recipe.data.binarise, **recipe.data.options)


def model(recipe: Recipe, data: Dataset, allow: Sequence[str] = ()) -> Model:
    """The model with fresh weights, its shape, and whether values are missing, taken from the data."""
    return _built(
        "model",
        recipe.model.model_dump(),
        allow,
        event_shape=tuple(data.shape),
        visible=tuple(data.shape),
        missing=data.missing,
        label_names=tuple(data.label_names),
    )


def objective(recipe: Recipe, allow: Sequence[str] = ()) -> Objective | None:
    """What is minimised, where the recipe does not leave it to the model."""
    return recipe.objective and _built("objective", recipe.objective.model_dump(), allow)


def training(recipe: Recipe) -> dict[str, Any]:
    """The arguments of `fit` that the recipe sets."""
    settings = recipe.train.model_dump()
    optimizer = settings.pop("optimizer")
    return settings | {"optimizer": Optimizer(optimizer.pop("name"), **optimizer), "seed": recipe.seed}


def imports(recipe: Recipe) -> list[str]:
    """The modules outside genlatent that the recipe names; training it is the user's consent to import them.

    >>> from genlatent.recipes.reading import read
    >>> imports(read("digits-vae", ["model.prior=mine:Heavy"]))
    ['mine']
    """
    entries = [recipe.model.model_dump(), recipe.objective and recipe.objective.model_dump()]
    return sorted({name.partition(":")[0] for name in _texts(entries) if ":" in name})


def _texts(values: Any) -> Iterator[str]:
    if isinstance(values, str):
        yield values
    elif isinstance(values, (dict, list, tuple)):
        for value in values.values() if isinstance(values, dict) else values:
            yield from _texts(value)


def _built(entry: str, spec: dict[str, Any], allow: Sequence[str], **given: Any) -> Any:
    try:
        return components.build(spec, entry, allow, **given)
    except RecipeError as error:
        raise RecipeError(f"{entry}: {error}") from error
