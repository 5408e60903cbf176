"""From a checked recipe to the objects it names; what the data decide is filled in from the data."""

from collections.abc import Iterator, Sequence
from typing import Any

from genlatent import components
from genlatent.data.dataset import Dataset
from genlatent.data.sources import load_data
from genlatent.distributions.base import Likelihood
from genlatent.distributions.likelihoods.matching import matching
from genlatent.distributions.supports import names
from genlatent.errors import RecipeError
from genlatent.model import Model
from genlatent.objectives.base import Objective
from genlatent.recipes.schema import Recipe, TrainEntry
from genlatent.storage import spelt_out
from genlatent.training.optimizer import Optimizer

COLUMNS = ("columns", {"name": "columns"})  # a likelihood that leaves to the data what it is made of

LARGEST = 1000.0  # value of a real column that is left as it is


def data(recipe: Recipe) -> Dataset:
    """The data set, split and binarised as the recipe says."""
    path = recipe.data.path
    if path is not None and not spelt_out(path).exists():
        raise RecipeError(
            f"data.path: there is no file or folder {path!r}; name yours: data.path=mine.csv to train, --data to judge"
        )
    return load_data(recipe.data.source, binarise=recipe.data.binarise, **recipe.data.options)


def model(recipe: Recipe, data: Dataset, allow: Sequence[str] = ()) -> Model:
    """The model with fresh weights, its shape, and whether values are missing, taken from the data.

    A likelihood of `columns` that says no more gets for each column the likelihood that fits its support, and so does
    a table under a model that is told none.
    """
    spec = recipe.model.model_dump()
    fitting = _fitting(spec, data)
    return _built(
        "model",
        {key: value for key, value in spec.items() if key not in fitting},
        allow,
        **fitting,
        event_shape=tuple(data.shape),
        visible=tuple(data.shape),
        missing=data.missing,
        label_names=tuple(data.label_names),
    )


def _fitting(spec: dict[str, Any], data: Dataset) -> dict[str, Likelihood]:
    """The likelihood that a table decides, where the recipe leaves it to the data."""
    asked = spec.get("likelihood") in COLUMNS
    if not asked and ("likelihood" in spec or not data.columns or data.support == "binary"):
        return {}
    _refuse_large(data)
    try:
        return {"likelihood": matching(data.support, data.shape)}
    except RecipeError as error:
        if asked:
            raise RecipeError(f"model: likelihood: {error}") from error
        return {}  # the model's own


def _refuse_large(data: Dataset) -> None:
    """Refuse a table whose numbers are of a size that no network learns from."""
    x, kinds = data.glimpse().flatten(1), names(data.support)
    for number, name in enumerate(data.columns):
        column = x[:, number]
        largest = float(column.nan_to_num().abs().max())
        if kinds[number % len(kinds)] == "real" and largest > LARGEST:
            raise RecipeError(
                f"data: column {name!r} holds values up to {largest:g}, from which networks learn badly; "
                "set data.standardise=true, and what is drawn comes back in the table's own units"
            )


def objective(recipe: Recipe, allow: Sequence[str] = ()) -> Objective | None:
    """What is minimised, where the recipe does not leave it to the model."""
    return recipe.objective and _built("objective", recipe.objective.model_dump(), allow)


def training(recipe: Recipe) -> dict[str, Any]:
    """The arguments of `fit` that the recipe sets."""
    return _settings(recipe.train, recipe.seed)


def pretraining(recipe: Recipe) -> dict[str, Any] | None:
    """The arguments of `fit` for each layer of a deep model, where the recipe trains them greedily first."""
    return recipe.pretrain and _settings(recipe.pretrain, recipe.seed)


def _settings(entry: TrainEntry, seed: int) -> dict[str, Any]:
    settings = entry.model_dump()
    optimizer = settings.pop("optimizer")
    return settings | {"optimizer": Optimizer(optimizer.pop("name"), **optimizer), "seed": seed}


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
