"""A user's own table, from a file to a model and back into a file."""

import csv

import numpy as np
import pytest

from genlatent import load
from genlatent.training.run import data_info

COLOURS = ("red", "light blue", 'gr"een, dark')
TEXTS = "data.support={'colour': 'categorical', 'kind': 'categorical'}"
TINY = ["model.latent=2", "model.encoder.hidden=[16]", "model.decoder.hidden=[16]", "data.binarise=none"]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Numbers, whole numbers and texts, with gaps in every column."""
    drawn, place = np.random.default_rng(0), tmp_path_factory.mktemp("table") / "people.csv"
    with place.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["age", "height", "colour", "smoker", "kind"])
        for _ in range(60):
            row = [drawn.integers(18, 70), round(drawn.normal(1.7, 0.1), 2), drawn.choice(COLOURS), drawn.integers(2)]
            writer.writerow(["" if drawn.random() < 0.1 else cell for cell in (*row, drawn.choice(["a", "b"]))])
    return place


def train(ask, out, table, *changes):
    changes = [f"data.path={table}", "train.steps=3", *TINY, *changes, "--out", out, "--quiet"]
    return ask("train", "digits-vae", *changes)


@pytest.fixture
def run(table, tmp_path, ask):
    said = train(ask, tmp_path / "run", table, "data.missing=true", TEXTS)
    assert said.code == 0, said.err
    return tmp_path / "run"


def test_each_column_gets_the_likelihood_that_fits_it(run):
    likelihood = load(run).likelihood
    found = [type(part).__name__ for part in likelihood.likelihoods]
    assert likelihood.support == ("real", "real", "categorical:3", "binary", "categorical:2")
    assert found == ["Gaussian", "Categorical", "Bernoulli", "Categorical"]
    assert likelihood.columns == ((0, 1), (2,), (3,), (4,))
    assert data_info(run)["categories"] == {"colour": sorted(COLOURS), "kind": ["a", "b"]}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_draws_are_a_table_like_the_users_own(run, tmp_path, ending, ask):
    assert ask("sample", run, "-n", 50, "--out", tmp_path / f"x.{ending}").code == 0
    if ending == "csv":
        rows = list(csv.DictReader((tmp_path / "x.csv").read_text().splitlines()))
    else:
        from pyarrow import parquet

        rows = parquet.read_table(tmp_path / "x.parquet").to_pylist()
    assert len(rows) == 50
    assert list(rows[0]) == ["age", "height", "colour", "smoker", "kind"]
    assert {row["colour"] for row in rows} == set(COLOURS)
    assert {row["kind"] for row in rows} == {"a", "b"}
    assert {str(row["smoker"]) for row in rows} == {"0", "1"}
    assert all(float(row["age"]) == int(row["age"]) for row in rows)
    assert any(float(row["height"]) % 1 for row in rows)


def test_a_table_is_written_as_one_unless_told_otherwise(run, tmp_path, monkeypatch, ask):
    monkeypatch.chdir(tmp_path)
    assert ask("sample", run, "-n", 4, "--json").json["out"] == "samples.csv"
    assert (tmp_path / "samples.csv").read_text().startswith("age,height,colour,smoker,kind\n")


def test_what_has_to_be_declared_is_said_in_words_that_can_be_copied(table, tmp_path, ask):
    said = train(ask, tmp_path / "run", table)
    assert said.code == 2
    assert TEXTS in said.err
    assert "data.columns=[" in said.err
    said = train(ask, tmp_path / "run", table, TEXTS)
    assert "declare them (data.missing=True)" in said.err


def test_a_likelihood_of_columns_needs_rows_of_a_table(tmp_path, ask):
    said = ask("train", "digits-vae", "model.likelihood=columns", "train.steps=1", "--out", tmp_path / "run")
    assert said.code == 2
    assert "columns are those of a table" in said.err
    assert said.err.count("\n") == 1


def test_a_model_is_told_columns_of_the_table_and_then_values(tmp_path, ask):
    x = np.random.default_rng(0).normal(size=(40, 4)).round(3)
    np.savetxt(tmp_path / "x.csv", x, delimiter=",", header="a,b,dose,age", comments="")
    recipe = [f"data.path={tmp_path / 'x.csv'}", "data.binarise=none", "data.conditions=[dose, age]"]
    recipe += ["model.condition={name: values, shape: 2}", "train.steps=3"]
    said = ask("train", "digits-cvae", *recipe, "--out", tmp_path / "run", "--quiet")
    assert said.code == 0, said.err
    assert data_info(tmp_path / "run")["label_names"] == ["dose", "age"]
    assert ask("sample", tmp_path / "run", "-n", 3, "--given", "y=[0.5, 1]", "--out", tmp_path / "y.csv").code == 0
    assert (tmp_path / "y.csv").read_text().splitlines()[0] == "a,b"
    said = ask("evaluate", tmp_path / "run", "--samples", 5, "--json")
    assert said.code == 0, said.err


def test_large_numbers_are_standardised_on_request_and_come_back_in_their_own_units(tmp_path, ask):
    drawn = np.random.default_rng(0)
    x = np.stack([drawn.normal(50_000, 10_000, 200).round(), drawn.normal(1.7, 0.1, 200)], 1)
    np.savetxt(tmp_path / "x.csv", x, delimiter=",", header="income,height", comments="")
    said = train(ask, tmp_path / "run", tmp_path / "x.csv")
    assert said.code == 2
    assert "column 'income' holds values up to" in said.err
    assert "set data.standardise=true" in said.err
    said = train(ask, tmp_path / "run", tmp_path / "x.csv", "data.standardise=true")
    assert said.code == 0, said.err
    for ending in ("csv", "npy"):
        assert ask("sample", tmp_path / "run", "-n", 200, "--out", tmp_path / f"y.{ending}").code == 0
    y = np.loadtxt(tmp_path / "y.csv", delimiter=",", skiprows=1)
    assert (y[:, 0] == y[:, 0].round()).all()
    assert abs(y.mean(0) - x.mean(0)).max() < 10_000
    assert abs(y[:, 1].mean() - 1.7) < 0.1
    assert np.allclose(np.load(tmp_path / "y.npy"), y, atol=0.51, rtol=1e-6)


def test_a_folder_of_pictures_is_one_that_can_be_learned_from(runs, tmp_path, ask):
    from genlatent.data.sources import load_data

    assert ask("sample", runs / "digits-vae", "-n", 12, "--out", tmp_path / "drawn").code == 0
    assert ask("sample", runs / "digits-vae", "-n", 12, "--out", tmp_path / "x.npy").code == 0
    data, x = load_data(tmp_path / "drawn"), np.load(tmp_path / "x.npy")
    assert data.shape == (1, 8, 8)
    assert sum(len(part) for part in (data.train, data.valid, data.test)) == 12
    assert data.train.sum() + data.valid.sum() + data.test.sum() == x.sum()
    said = ask("sample", runs / "digits-vae", "--out", tmp_path / "drawn")
    assert said.code == 2
    assert "exists already" in said.err


def test_a_table_is_no_folder_of_pictures(run, tmp_path, ask):
    said = ask("sample", run, "--out", tmp_path / "pictures")
    assert said.code == 2
    assert "are no pictures; name a .csv, .npy or .npz file" in said.err
    assert not (tmp_path / "pictures").exists()


def test_only_gaps_of_the_users_table_are_filled(run, tmp_path, ask):
    """Columns that the model does not know, their order, and every digit of what was seen stay."""
    own = tmp_path / "own.csv"
    own.write_text(
        "account,kind,smoker,colour,height,age\n"
        "4280387012,a,1,red,1.7000000001,\n"
        "2095513148,,0,,,31\n"
        "9999999999,b,,light blue,1.61,44\n"
    )
    assert ask("impute", run, own, "--out", tmp_path / "filled.csv").code == 0
    texts = ((tmp_path / name).read_text() for name in ("own.csv", "filled.csv"))
    before, after = (list(csv.DictReader(text.splitlines())) for text in texts)
    assert list(after[0]) == ["account", "kind", "smoker", "colour", "height", "age"]
    for old, new in zip(before, after, strict=True):
        assert all(new.values())
        assert all(new[name] == cell for name, cell in old.items() if cell)
