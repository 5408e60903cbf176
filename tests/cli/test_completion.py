"""What a shell offers after a tab."""

import os
import subprocess
import sys

import pytest

from genlatent import registry
from genlatent.cli import completion
from genlatent.data.catalogue import NAMED
from genlatent.recipes.reading import shipped


@pytest.fixture
def offered(runs, monkeypatch):
    monkeypatch.chdir(runs.parent)

    def after(*words):
        """What the installed command answers to bash."""
        env = {"_GENLATENT_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(("genlatent", *words))}
        env |= {"COMP_CWORD": str(len(words))}
        code = "import sys; sys.argv[0] = 'genlatent'; from genlatent.cli.main import run; run()"
        done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **env}, capture_output=True, text=True)
        return done.stdout.split()

    return after


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("train", "digits-va"), ["digits-vae"]),
        (("recipes", "show", "digits-va"), ["digits-vae"]),
        (("train", "digits-vae", "model.name=beta-v"), ["model.name=beta-vae"]),
        (("models", "beta-v"), ["beta-vae"]),
        (("data", "info", "two"), ["two-moons"]),
    ],
)
def test_names_are_completed(words, expected, offered):
    assert offered(*words) == expected


def test_run_folders_are_completed_wherever_they_lie(offered, runs):
    found = offered("score", f"{runs.name}/digits-v")
    assert found == [f"{runs.name}/digits-vae"]


def test_everything_that_is_known_is_offered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("")
    assert completion.recipes("") == sorted({*shipped(), "mine.yaml"})
    assert completion.models("") == sorted(registry.KINDS["model"])
    assert completion.data("") == sorted(NAMED)
    assert completion.runs("") == []


def test_the_shell_is_told_how(ask):
    assert "--install-completion" in ask("--help").out
