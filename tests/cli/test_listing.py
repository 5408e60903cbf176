import pytest

from genlatent import registry
from genlatent.data.catalogue import NAMED
from genlatent.recipes.reading import shipped


def test_models_lists_models_recipes_and_parts(ask):
    found = ask("models", "--json").json
    assert set(found["models"]) == set(registry.KINDS["model"])
    assert all(found["models"].values())
    assert set(found["recipes"]) == set(shipped())
    assert set(found["parts"]["likelihood"]) == set(registry.KINDS["likelihood"])
    assert sorted(name for names in found["groups"].values() for name in names) == sorted(shipped())
    shows = set(found["groups"]["experiments of lectures"])
    assert {"digits-copying", "mnist-code-size", "swiss-roll-autoencoder"} <= shows
    assert found["groups"]["data of your own"] == ["my-pictures", "my-table"]
    shown = ask("models").out
    assert all(name in shown for name in found["models"])


def test_data_lists_and_describes(ask):
    assert [row["name"] for row in ask("data", "list", "--json").json] == list(NAMED)
    found = ask("data", "info", "digits", "--binarise", "threshold", "--json").json
    assert found["title"] == "digits, threshold bits"
    assert found["rows"] == {"train": 1297, "valid": 250, "test": 250}
    assert found["shape"] == [1, 8, 8]


PEOPLE = "age;colour;kind\n31;red;a\n;blue;b\n45;red;a\n52;blue;b\n"


def test_a_table_is_described_as_train_would_read_it(tmp_path, ask):
    (tmp_path / "people.csv").write_text(PEOPLE)
    told = ["data.support=auto", "data.missing=true", "data.labels=kind", "data.valid=1", "data.test=1"]
    found = ask("data", "info", tmp_path / "people.csv", *told, "--json").json
    assert found["columns"] == ["age", "colour"]
    assert found["support"] == ["real", "categorical:2"]
    assert (found["missing"], found["labels"]) == (True, ["kind"])
    train = ["train", "my-table", f"data.path={tmp_path / 'people.csv'}", *told, "train.epochs=1"]
    assert f"{found['rows']['train']} + 1 + 1 rows" in ask(*train, "--dry-run", "--json").json["data"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("support=auto", "write data.KEY=VALUE"),
        ("data.path=other.csv", "write data.KEY=VALUE"),
        ("train.epochs=3", "write data.KEY=VALUE"),
        ("data.suport=auto", "did you mean 'support'?"),
        ("data.support", "is no override"),
    ],
)
def test_what_says_nothing_of_the_reading_is_refused(change, reason, tmp_path, ask):
    (tmp_path / "people.csv").write_text(PEOPLE)
    said = ask("data", "info", tmp_path / "people.csv", change)
    assert (said.code, reason in said.err) == (2, True), said.err


def test_info_names_versions_and_the_device(ask):
    found = ask("info", "--json").json
    assert {"genlatent", "python", "torch", "pyro-ppl", "device"} <= set(found)
    assert found["torch"] in ask("info").out
