import csv
import json
import shutil
import subprocess
import sys

import pytest

from tests.report.checking import alone

QUICK = ["--samples", 20, "--runs", 20, "--steps", 30]
TINY = ["train.steps=3", "objective.chains=20", "model.hidden=12"]


@pytest.fixture
def two(runs, tmp_path):
    return [shutil.copytree(runs / name, tmp_path / name) for name in ("digits-vae", "digits-rbm")]


def test_runs_stand_in_one_table_on_the_terminal_and_in_files(two, tmp_path):
    out = [tmp_path / f"table.{ending}" for ending in ("csv", "html", "json")]
    command = [sys.executable, "cli.py", "compare", *two, *QUICK, *(part for place in out for part in ("--out", place))]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for word in ("digits-vae", "digits-rbm", "log-likelihood, nats", "bits per dimension", "row by row", "table.html"):
        assert word in done.stdout
    rows = list(csv.DictReader(out[0].read_text().splitlines()))
    assert [row["class"] for row in rows] == ["VAE", "RBM"]
    assert float(rows[0]["minutes"]) > 0
    assert "digits-vae" in alone(out[1].read_text()).text
    plain = json.loads(out[2].read_text())
    assert {one["metric"].split(",")[0] for one in plain["differences"]} == {"log-likelihood", "reconstruction error"}


def test_records_that_hold_are_taken_and_others_are_found_again(two, ask):
    first = ask("compare", *two, *QUICK, "--json")
    stamps = [(run / "records.json").stat().st_mtime_ns for run in two]
    again = ask("compare", *two, *QUICK, "--json")
    assert again.json == first.json
    assert [(run / "records.json").stat().st_mtime_ns for run in two] == stamps
    weights = next(two[0].glob("checkpoints/0*/model.safetensors"))
    changed = bytearray(weights.read_bytes())
    changed[-4:] = b"\x00\x00\x80\x3f"
    weights.write_bytes(bytes(changed))
    assert ask("compare", *two, *QUICK).code == 0
    now = [(run / "records.json").stat().st_mtime_ns for run in two]
    assert (now[0] != stamps[0], now[1] == stamps[1]) == (True, True)


def test_evaluate_leaves_what_compare_takes(two, ask):
    for run in two:
        assert ask("evaluate", run, *QUICK, "--quiet").code == 0
    assert "Judging" not in ask("compare", *two, *QUICK).out


def test_recipes_are_trained_first_once(tmp_path, ask):
    folder = tmp_path / "made"
    asked = ["compare", "digits-rbm", "digits-dbm", *TINY[:2], "--folder", folder, *QUICK]
    first = ask(*asked)
    assert first.code == 0, first.err
    assert first.out.count("Training") == 2
    assert {path.name for path in folder.iterdir()} == {"digits-rbm", "digits-dbm", "comparison.csv", "report.html"}
    alone((folder / "report.html").read_text())
    assert "Training" not in ask(*asked).out
    other = ask("compare", "digits-rbm", "digits-dbm", "train.steps=4", "--folder", folder, *QUICK)
    assert other.code == 2
    assert "holds a run of another recipe" in other.err


def test_models_of_two_data_sets_have_two_columns_and_one_named_for_all_has_one(runs, ask):
    pair = [runs / "digits-autoencoder", runs / "digits-vae"]
    apart = ask("compare", *pair, *QUICK, "--json").json
    assert {one["data"] for model in apart["models"].values() for one in model["records"]} == {
        "digits, grey",
        "digits, threshold bits",
    }
    assert apart["differences"] == []
    together = ask("compare", *pair, *QUICK, "--data", "digits", "--binarise", "threshold", "--json").json
    assert [one["metric"] for one in together["differences"]] == [
        "reconstruction error, digits-autoencoder less digits-vae"
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["digits-vae"], "at least two"),
        (["digits-vae", "digits-rbn"], "neither a run folder nor a recipe"),
        (["digits", "--out", "x.txt"], "written as .csv, .html, .json"),
    ],
)
def test_what_cannot_be_compared_is_said_in_a_sentence(arguments, words, ask):
    said = ask("compare", *arguments)
    assert said.code == 2
    assert words in said.err


def test_changes_are_for_recipes(two, ask):
    said = ask("compare", *two, "train.steps=3")
    assert (said.code, "changes a recipe" in said.err) == (2, True)
