from genlatent import registry
from genlatent.data.catalogue import NAMED
from genlatent.recipes.reading import shipped


def test_models_lists_models_recipes_and_parts(ask):
    found = ask("models", "--json").json
    assert set(found["models"]) == set(registry.KINDS["model"])
    assert all(found["models"].values())
    assert set(found["recipes"]) == set(shipped())
    assert set(found["parts"]["likelihood"]) == set(registry.KINDS["likelihood"])
    shown = ask("models").out
    assert all(name in shown for name in found["models"])


def test_data_lists_and_describes(ask):
    assert [row["name"] for row in ask("data", "list", "--json").json] == list(NAMED)
    found = ask("data", "info", "digits", "--binarise", "threshold", "--json").json
    assert found["title"] == "digits, threshold bits"
    assert found["rows"] == {"train": 1297, "valid": 250, "test": 250}
    assert found["shape"] == [1, 8, 8]


def test_info_names_versions_and_the_device(ask):
    found = ask("info", "--json").json
    assert {"genlatent", "python", "torch", "pyro-ppl", "device"} <= set(found)
    assert found["torch"] in ask("info").out
