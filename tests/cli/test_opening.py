"""Data that the user names instead of the run's own are read as the run's own were."""

import csv

import numpy as np
import pytest
import torch

from genlatent.cli.opening import data_of, opened

HEADER = ["age", "colour", "income"]
CHANGES = ["data.support={colour: categorical}", "data.missing=true", "data.standardise=true", "data.binarise=none"]
TINY = ["model.latent=2", "model.encoder.hidden=[8]", "model.decoder.hidden=[8]", "train.steps=3"]


def write(path, rows, header=HEADER):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    from genlatent.cli.main import answer

    place, drawn = tmp_path_factory.mktemp("table"), np.random.default_rng(0)
    rows = [
        [drawn.integers(18, 70), drawn.choice(["red", "green", "blue"]), drawn.integers(2e4, 6e4)] for _ in "x" * 60
    ]
    table = write(place / "people.csv", rows)
    arguments = ["train", "digits-vae", f"data.path={table}", *CHANGES, *TINY, "--out", str(place / "run"), "--quiet"]
    assert answer(arguments) == 0
    return place / "run"


def test_a_table_has_the_columns_the_categories_and_the_units_of_the_run(run, tmp_path):
    job = opened(run)
    other = write(
        tmp_path / "others.csv", [[40000, "x", "red", 30], [20000, "y", "red", ""]], ["income", "id", *HEADER[1::-1]]
    )
    own, data = data_of(job), data_of(job, str(other))
    assert data.columns == own.columns == tuple(HEADER)
    assert data.standards == own.standards
    assert data.categories == {"colour": ("blue", "green", "red")}
    assert torch.equal(data.train, own.train)
    assert (data.name, len(data.test)) == ("others", 2)
    table = data.restore(data.test)
    assert table.columns["colour"].tolist() == ["red", "red"]  # the only text, and yet number 2
    assert data.test[:, 1].tolist() == [2.0, 2.0]
    assert table.columns["income"].tolist() == [40000, 20000]
    assert np.isnan(table.columns["age"].astype(float)).tolist() == [False, True]


def test_a_table_is_judged_and_scored_under_the_run(run, tmp_path, ask):
    other = write(tmp_path / "others.csv", [[30, "red", 40000], [31, "green", 41000], [50, "red", ""]])
    said = ask("evaluate", run, "--data", other, "--samples", 5, "--json")
    assert said.code == 0, said.err
    assert all(record["rows"] == 3 for record in said.json["records"] if record["rows"])
    assert said.json["records"][0]["data"] == "others, standardised"


def test_what_the_run_does_not_know_is_said(run, tmp_path, ask):
    other = write(tmp_path / "others.csv", [[30, "mauve", 40000], [31, "green", 41000]])
    said = ask("evaluate", run, "--data", other)
    assert said.code == 2
    assert "'mauve' in line 2, column 'colour' is none of its categories" in said.err
    said = ask("evaluate", run, "--data", write(tmp_path / "few.csv", [[30, "red"]], HEADER[:2]))
    assert "no column is called 'income'" in said.err


@pytest.mark.parametrize("verb", ["score", "encode", "reconstruct"])
def test_a_bad_cell_in_a_file_for_a_run_is_to_be_mended_and_not_declared(verb, run, tmp_path, ask):
    """The columns are those of the run, so nobody has to say again what they hold."""
    said = ask(verb, run, write(tmp_path / "others.csv", [[30, "red", 40000], ["thirty", "green", 41000]]))
    assert said.code == 2
    assert "column 'age' holds text ('thirty' in line 3) where numbers are wanted" in said.err
    assert said.err.rstrip().endswith("mend that cell or leave it empty")
    assert "support=" not in said.err


def test_grey_pictures_become_bits_as_those_of_the_run_did(runs, tmp_path, ask):
    x = np.random.default_rng(0).random((4, 1, 8, 8)).astype("float32")
    np.save(tmp_path / "grey.npy", x)
    data = data_of(opened(runs / "digits-vae"), str(tmp_path / "grey.npy"))
    assert data.title == "grey, threshold bits"
    assert torch.equal(data.test, torch.from_numpy(x >= 0.5).float())
    for name, values in (("grey", x), ("bits", (x >= 0.5).astype("float32"))):
        np.save(tmp_path / f"{name}.npy", values)
        assert (
            ask("encode", runs / "digits-vae", tmp_path / f"{name}.npy", "--out", tmp_path / f"z-{name}.npy").code == 0
        )
    np.testing.assert_array_equal(np.load(tmp_path / "z-grey.npy"), np.load(tmp_path / "z-bits.npy"))


def test_bits_that_nobody_had_to_make_are_called_by_their_name_alone(tmp_path, ask):
    changes = ["data.binarise=dynamic", "model.hidden=5", "train.steps=2", "--out", tmp_path / "run", "--quiet"]
    assert ask("train", "digits-rbm", *changes).code == 0
    x = (np.random.default_rng(0).random((4, 1, 8, 8)) < 0.5).astype("float32")
    np.save(tmp_path / "mine.npy", x)
    data = data_of(opened(tmp_path / "run"), str(tmp_path / "mine.npy"))
    assert data.title == "mine"
    assert torch.equal(data.test, torch.from_numpy(x))
    assert set(data.train.unique().tolist()) == {0.0, 1.0}


def test_named_data_are_taken_as_they_are(runs):
    data = data_of(opened(runs / "digits-vae"), "digits", "threshold")
    assert data.fingerprint == data_of(opened(runs / "digits-vae")).fingerprint
