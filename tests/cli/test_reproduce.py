import json
import subprocess
import sys

import pytest

from genlatent.reproduce.reading import shipped
from tests.reproduce.conftest import SMALL


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(SMALL)
    return tmp_path


def test_the_list_shows_all_in_a_process_of_its_own(desk):
    code = "import sys; from genlatent.cli.main import run; run()"
    line = [sys.executable, "-c", code, "reproduce", "--list", "--records", str(desk / "none")]
    said = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    assert all(name in said for name in shipped())
    assert "not run" in said
    assert "unfinished" not in said


def test_one_goes_on_where_it_stopped_and_leaves_its_record(desk, ask):
    said = ask("reproduce", "small.yaml", "--minutes", 0)
    assert said.code == 0
    assert said.out.splitlines()[-1] == "Go on with: genlatent reproduce small.yaml --minutes 0"
    found = ask("reproduce", "small.yaml", "--json").json
    assert found["complete"]
    assert found == json.loads((desk / "reproductions" / "small" / "record.json").read_text())
    assert found["command"] == "genlatent reproduce small.yaml"
    assert ask("reproduce", "--list").out.count("small") == 2
    assert ask("score", "reproductions/small/part-1-seed-3", "--out", "scores.csv").code == 0


def test_seeds_and_the_folder_of_records_can_be_named(desk, ask):
    found = ask("reproduce", "small.yaml", "--seed", 7, "--records", "kept", "--slim", "--json").json
    assert [part["planned_seeds"] for part in found["parts"]] == [[7], [7]]
    assert found["command"] == "genlatent reproduce small.yaml --seed 7"
    assert (desk / "kept" / "small.json").is_file()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "name a reproduction, for example rbm-mnist, or see them all: --list"),
        (["rbm-mnist", "--list"], "name a reproduction"),
        (["rbm-minst"], "no reproduction is called 'rbm-minst', and no file; did you mean 'rbm-mnist'?"),
    ],
)
def test_what_is_not_understood_is_one_sentence(words, sentence, desk, ask):
    said = ask("reproduce", *words)
    assert said.code == 2
    assert sentence in said.err
    assert said.err.count("\n") == 1


def test_missing_data_say_what_to_fetch_and_leave_nothing_behind(desk, monkeypatch, ask):
    monkeypatch.setenv("GENLATENT_DATA", str(desk / "nowhere"))
    said = ask("reproduce", "rbm-mnist")
    assert said.code == 2
    assert "genlatent data fetch mnist" in said.err
    assert not (desk / "reproductions").exists()
