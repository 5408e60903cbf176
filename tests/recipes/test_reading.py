import pytest

from genlatent.errors import RecipeError
from genlatent.recipes.reading import dump, overridden, parse, read, read_values, shipped


def test_overrides_are_yaml_values_and_checked_afterwards():
    recipe = read("digits-vae", ["train.epochs=3", "model.encoder.hidden=[7, 7]", "train.optimizer.learning_rate=1e-4"])
    assert recipe.train.epochs == 3
    assert recipe.model.options["encoder"] == {"name": "mlp", "hidden": [7, 7]}
    assert recipe.train.optimizer.learning_rate == 1e-4
    with pytest.raises(RecipeError, match=r"train.epochs: a whole number was expected"):
        read("digits-vae", ["train.epochs=few"])


def test_setting_steps_takes_epochs_out_and_a_path_the_name():
    assert read("digits-vae", ["train.steps=5"]).train.epochs is None
    assert read("digits-vae", ["data.path=mine.npy"]).data.source == "mine.npy"


@pytest.mark.parametrize("override", ["epochs", "=3", "train..epochs=3", ""])
def test_what_is_no_override_is_refused(override):
    with pytest.raises(RecipeError, match="is no override"):
        read("digits-vae", [override])


def test_nothing_can_be_set_inside_a_number():
    with pytest.raises(RecipeError, match=r"seed.sub: there is nothing to set inside 0"):
        overridden({"seed": 0}, "seed.sub=1")


def test_a_misspelt_recipe_is_answered_with_the_nearest():
    with pytest.raises(RecipeError, match="did you mean 'digits-vae'"):
        read("digit-vae")


def test_a_folder_is_no_recipe(tmp_path):
    with pytest.raises(RecipeError, match="is a folder"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [1", "not valid YAML"),
        ("a: 1\na: 2", "the key 'a' is given twice"),
        ("a: !!python/object/apply:os.system [echo]", "not valid YAML"),
    ],
)
def test_broken_and_unsafe_files_are_refused_in_one_sentence(tmp_path, text, reason):
    place = tmp_path / "broken.yaml"
    place.write_text(text)
    with pytest.raises(RecipeError, match=reason) as refused:
        read_values(place)
    assert str(place) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_of_other_bytes_is_refused(tmp_path):
    place = tmp_path / "broken.yaml"
    place.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="cannot be read"):
        read_values(place)


@pytest.mark.parametrize("name", shipped())
def test_what_a_run_folder_keeps_reads_back_equal(name):
    recipe = read(name)
    assert parse(dump(recipe.resolved())) == recipe.resolved()
