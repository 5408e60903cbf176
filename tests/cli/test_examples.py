"""Every example that a help text shows is run as it stands, on small runs; a reader can copy them."""

import itertools
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import click
import numpy as np
import pytest
import typer
from PIL import Image

from genlatent import load_data
from genlatent.cli.main import app

ELSEWHERE = {  # what takes long, needs a network, or runs until it is stopped is run by tests of its own
    "genlatent demo --out runs/demo": "cli/test_demo.py",
    "genlatent compare digits": "cli/test_compare.py",
    "genlatent data fetch mnist": "data/test_fetch.py",
}
ENDLESS = ("genlatent explore",)


def verbs(group, path=()):
    """Name and help of every verb, those of groups too."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from verbs(command, (*path, name))
        else:
            yield " ".join((*path, name)), command.help or ""


VERBS = dict(verbs(typer.main.get_command(app)))
EXAMPLES = [line for text in VERBS.values() for line in re.findall(r"Example: (.+)", text)]
RUN_HERE = [line for line in EXAMPLES if line not in ELSEWHERE and not line.startswith(ENDLESS)]


@pytest.fixture(scope="module")
def desk(runs, tmp_path_factory):
    """A folder with the runs and the files that the examples speak of."""
    place = tmp_path_factory.mktemp("desk")
    shutil.copytree(runs, place / "runs")
    shutil.copytree(runs / "digits-autoencoder", place / "runs" / "digits-denoising")
    x = load_data("digits").test[:5].numpy()
    half = (x > 0.5).astype("float32")
    half[:, :, 4:] = np.nan
    np.save(place / "digits.npy", x)
    np.save(place / "half.npy", half)
    np.save(place / "codes.npy", np.zeros((5, 2), dtype="float32"))
    (place / "people.csv").write_text("age,colour\n" + "31,red\n,blue\n45,red\n52,blue\n" * 5)
    Image.fromarray((255 * x[0, 0]).astype("uint8")).save(place / "noisy.png")
    return place


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_has_an_example_of_itself(name):
    assert f"genlatent {name} " in VERBS[name] + " "


@pytest.mark.parametrize("line", RUN_HERE)
def test_an_example_runs_as_it_stands_and_writes_what_it_names(line, desk, monkeypatch, ask):
    monkeypatch.chdir(desk)
    if "|" in line or ">" in line:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", line], env={**os.environ, "PATH": path})
        assert done.returncode == 0
        assert (desk / line.rpartition(">")[2].strip()).stat().st_size
        return
    words = shlex.split(line)
    said = ask(*words[1:])
    assert said.code == 0, said.err
    for option, value in itertools.pairwise(words):
        assert option != "--out" or (desk / value).exists()


@pytest.mark.parametrize("line", [line for line in EXAMPLES if line.startswith(ENDLESS)])
def test_an_example_that_runs_until_it_is_stopped_runs_and_is_stopped(line, desk):
    """By Ctrl-C, as it says itself; what opens its page here is a command that does nothing."""
    program = Path(sys.executable).parent / "genlatent"
    how = {"env": {**os.environ, "BROWSER": "true"}, "cwd": desk, "text": True}
    words = [str(program), *shlex.split(line)[1:]]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how) as process:
        address, _, rest = process.stdout.readline().partition(" ")
        assert rest.strip() == "(Ctrl-C ends it)"
        with urllib.request.urlopen(address) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        said, complaints = process.communicate(timeout=30)
    assert (process.returncode, said, complaints) == (0, "ended\n", "")


def test_every_verb_is_covered_by_an_example_that_is_run():
    """None is left to the parser alone: each example runs here, is stopped here, or runs in a test that is named."""
    left = [
        line for line in EXAMPLES if line not in RUN_HERE and line not in ELSEWHERE and not line.startswith(ENDLESS)
    ]
    assert left == []
    assert all(re.search(rf"Example: genlatent {name}( |$)", text, re.MULTILINE) for name, text in VERBS.items())


@pytest.mark.parametrize("line", [line for line in EXAMPLES if line not in RUN_HERE])
def test_an_example_that_runs_elsewhere_is_one_that_the_parser_takes(line):
    group = typer.main.get_command(app)
    words = shlex.split(line)[1:]
    with click.Context(group) as context:
        name, command, rest = group.resolve_command(context, words)
        while hasattr(command, "commands"):
            name, command, rest = command.resolve_command(context, rest)
        assert command.make_context(name, list(rest), parent=context).params
    assert line not in ELSEWHERE or (Path(__file__).parents[1] / ELSEWHERE[line]).is_file()
