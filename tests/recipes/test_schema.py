import pytest

from genlatent.errors import RecipeError
from genlatent.recipes.schema import Recipe, checked

SMALLEST = {"model": "vae", "data": "digits", "train": {"epochs": 1}}


def changed(**parts):
    return checked({**SMALLEST, **parts}, "mine.yaml")


def test_a_resolved_recipe_is_plain_and_means_the_same():
    recipe = changed(objective={"name": "elbo", "beta": 4.0}, expect={"metric": "nll", "value": 1, "source": "a paper"})
    assert checked(recipe.resolved(), "again") == recipe


def test_a_bare_name_is_short_for_an_entry():
    assert changed(model="rbm") == changed(model={"name": "rbm"})
    assert changed(train={"epochs": 1, "optimizer": "sgd"}).train.optimizer.name == "sgd"


def test_further_keys_of_a_model_and_of_data_are_arguments():
    recipe = changed(model={"name": "vae", "latent": 2}, data={"name": "sprites", "size": 64})
    assert recipe.model.options == {"latent": 2}
    assert recipe.data.options == {"size": 64}


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"train": {"epoch": 1}}, "mine.yaml: train.epoch: unknown; did you mean 'epochs'?"),
        ({"modle": "vae"}, "mine.yaml: modle: unknown; did you mean 'model'?"),
        (
            {"train": {"epochs": 1, "optimizer": {"learning-rate": 1}}},
            "mine.yaml: train.optimizer.learning-rate: unknown; did you mean 'learning_rate'?",
        ),
        ({"train": {"epochs": "many"}}, "mine.yaml: train.epochs: a whole number was expected, got 'many'"),
        ({"train": {"epochs": 1, "steps": 1}}, "mine.yaml: train: give either epochs or steps"),
        ({"train": {}}, "mine.yaml: train: give either epochs or steps"),
        ({"data": {"name": "digits", "path": "x.npy"}}, "mine.yaml: data: give either name"),
        ({"model": {"latent": 2}}, "mine.yaml: model.name: missing; every 'model' entry has one"),
        ({"train": {"epochs": 1, "mode": "fast"}}, "mine.yaml: train.mode: input should be 'auto', 'eager'"),
        ({"expect": {"metric": "nll", "value": 1}}, "mine.yaml: expect.source: missing"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(parts, sentence):
    with pytest.raises(RecipeError) as refused:
        changed(**parts)
    assert str(refused.value).startswith(sentence)
    assert "\n" not in str(refused.value)


def test_a_list_is_no_recipe():
    with pytest.raises(RecipeError, match="a recipe is a mapping"):
        checked([], "mine.yaml", Recipe)
