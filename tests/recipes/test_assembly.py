import shlex
from dataclasses import replace

import numpy as np
import pytest

from genlatent.data.catalogue import NAMED
from genlatent.data.folder import VARIABLE, data_folder
from genlatent.data.idx import write_idx
from genlatent.data.images import write_folder
from genlatent.errors import RecipeError
from genlatent.model import Model
from genlatent.objectives.base import Objective
from genlatent.recipes import assembly
from genlatent.recipes.reading import read, shipped
from genlatent.training.fit import fit


@pytest.fixture(scope="module")
def small_mnist(tmp_path_factory):
    """A data folder whose MNIST holds patterns in the place of digits; everything else is what is there anyway."""
    place = tmp_path_factory.mktemp("data")
    (place / "mnist").mkdir()
    for part, count in (("train", 10_200), ("t10k", 100)):
        images = np.resize(np.arange(256, dtype=np.uint8)[::3], (count, 28, 28)) * (np.arange(count) % 5)[:, None, None]
        write_idx(place / "mnist" / f"{part}-images-idx3-ubyte.gz", images.astype(np.uint8))
        write_idx(place / "mnist" / f"{part}-labels-idx1-ubyte.gz", (np.arange(count) % 10).astype(np.uint8))
    for entry in data_folder().iterdir() if data_folder().is_dir() else ():
        if entry.name != "mnist":
            (place / entry.name).symlink_to(entry.resolve())
    return place


@pytest.fixture(autouse=True)
def own_files(small_mnist, tmp_path, monkeypatch):
    """Small data, and what recipes for a user's own pictures and table find where the user stands."""
    monkeypatch.setenv(VARIABLE, str(small_mnist))
    monkeypatch.chdir(tmp_path)
    drawn = np.random.default_rng(0)
    write_folder(drawn.random((12, 1, 6, 5)), tmp_path / "pictures")
    rows = [f"{age},{colour},{number:.3f}" for age, colour, number in zip(range(20), "ab" * 10, drawn.random(20))]
    (tmp_path / "table.csv").write_text("\n".join(["age,colour,share", *rows, ",a,"]) + "\n")


def data_of(recipe):
    """What a recipe learns from, cut down to a smoke size; skipped where it has to be fetched first."""
    entry = NAMED.get(recipe.data.source)
    if entry is not None and entry.folder is not None and not (data_folder() / entry.folder).is_dir():
        pytest.skip(f"{recipe.data.source} is read from a folder that is not here; set GENLATENT_DATA")
    data = assembly.data(recipe)
    few = data.labels and data.labels._replace(valid=data.labels.valid[:500])
    return replace(data, valid=data.valid[:500], labels=few)


@pytest.mark.parametrize("name", shipped())
def test_each_shipped_recipe_builds_and_trains_two_steps(name, device):
    recipe = read(name, ["train.steps=2"])
    data = data_of(recipe)
    model = assembly.model(recipe, data).to(device)
    assert isinstance(model, Model)
    assert model.event_shape == data.shape
    objective = assembly.objective(recipe)
    assert objective is None or isinstance(objective, Objective)
    history = fit(model, data, objective=objective, **assembly.training(recipe))
    assert history.rows[-1]["step"] == 2


def changes():
    """The changes that the comments of recipes speak of, each on a line of its own."""
    for name, path in shipped().items():
        lines = [line.removeprefix("#   ") for line in path.read_text().splitlines() if line.startswith("#   ")]
        yield from ((name, line) for line in lines)


@pytest.mark.parametrize(("name", "line"), list(changes()), ids=lambda text: text.split("=")[0])
def test_a_change_that_a_recipe_speaks_of_makes_another_model_that_trains(name, line, device):
    recipe = read(name, [*shlex.split(line), "train.steps=1"])
    data = data_of(recipe)
    model = assembly.model(recipe, data).to(device)
    history = fit(model, data, objective=assembly.objective(recipe), **assembly.training(recipe))
    assert history.rows[-1]["step"] == 1
    assert recipe.resolved() != read(name, ["train.steps=1"]).resolved()


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
