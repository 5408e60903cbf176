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


def test_a_table_decides_the_likelihood_where_the_recipe_names_none(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n" + "".join(f"{i}.5,{i % 2}\n" for i in range(20)))
    changes = [f"data.path={tmp_path / 't.csv'}", "data.binarise=none", "data.support={b: binary}"]
    kinds = {}
    for name, more in (("none", []), ("columns", ["model.likelihood=columns"]), ("own", ["model.likelihood=gaussian"])):
        recipe = read("digits-vae", [*changes, *more])
        kinds[name] = assembly.model(recipe, assembly.data(recipe)).support
    assert kinds == {"none": ("real", "binary"), "columns": ("real", "binary"), "own": "real"}


def test_conditions_of_a_recipe_are_float_labels(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,dose\n" + "".join(f"{i}.5,{i % 2},{i / 7}\n" for i in range(20)))
    data = assembly.data(
        read("digits-vae", [f"data.path={tmp_path / 't.csv'}", "data.binarise=none", "data.conditions=dose"])
    )
    assert data.columns == ("a", "b")
    assert data.labels.train.is_floating_point()
