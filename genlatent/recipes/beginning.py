"""How a recipe begins: weights that its seed decides, and the greedy training of the layers where it wishes that."""

from collections.abc import Sequence
from pathlib import Path

from genlatent.data.dataset import Dataset
from genlatent.model import Model
from genlatent.numerics.randomness import drawing_from, stream
from genlatent.recipes import assembly
from genlatent.recipes.schema import Recipe
from genlatent.training.callbacks import Callback
from genlatent.training.fit import History
from genlatent.training.pretraining import cut_short, pretrain
from genlatent.training.run import RunFolder


def first_model(recipe: Recipe, data: Dataset, allow: Sequence[str] = ()) -> Model:
    """The model with weights that depend on the recipe's seed alone."""
    with drawing_from(stream(recipe.seed, name="weights")):
        return assembly.model(recipe, data, allow)


def pretrained(
    recipe: Recipe, model: Model, data: Dataset, run: Path, callbacks: Sequence[Callback], resume: bool
) -> History | None:
    """Train the layers of a deep model greedily, where the recipe says so; the history that somebody cut short."""
    settings = assembly.pretraining(recipe)
    if settings is None or RunFolder(run).pointed("last") is not None:
        return None
    place = run / "pretraining"
    last = pretrain(model, data, run=place, resume=resume, callbacks=list(callbacks), **settings)[-1]
    return last if cut_short(last) else None
