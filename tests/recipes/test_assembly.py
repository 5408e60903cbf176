import pytest

from genlatent.errors import RecipeError
from genlatent.model import Model
from genlatent.objectives.base import Objective
from genlatent.recipes import assembly
from genlatent.recipes.reading import read, shipped
from genlatent.training.fit import fit


@pytest.mark.parametrize("name", shipped())
def test_each_shipped_recipe_builds_and_trains_two_steps(name, device):
    recipe = read(name, ["train.steps=2"])
    data = assembly.data(recipe)
    model = assembly.model(recipe, data).to(device)
    assert isinstance(model, Model)
    assert model.event_shape == data.shape
    objective = assembly.objective(recipe)
    assert objective is None or isinstance(objective, Objective)
    history = fit(model, data, objective=objective, **assembly.training(recipe))
    assert history.rows[-1]["step"] == 2


def test_an_argument_that_the_model_has_not_is_named():
    recipe = read("digits-vae", ["model.latnet=3"])
    with pytest.raises(RecipeError, match="model: vae takes no argument 'latnet'; did you mean 'latent'"):
        assembly.model(recipe, assembly.data(recipe))


def test_an_option_that_the_data_have_not_is_named():
    with pytest.raises(ValueError, match="colour"):
        assembly.data(read("digits-vae", ["data.colour=true"]))


def test_code_of_others_is_imported_only_where_the_recipe_names_it():
    recipe = read("digits-vae", ["model.prior=elsewhere:Prior", "model.likelihood.name=other.place:Likelihood"])
    assert assembly.imports(recipe) == ["elsewhere", "other.place"]
    assert assembly.imports(read("digits-vae")) == []
