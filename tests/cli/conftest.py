"""Small runs that the tests of the verbs share."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from genlatent.cli.main import answer

SMALL = {
    "digits-autoencoder": ["model.latent=2"],
    "digits-vae": ["model.latent=2", "model.encoder.hidden=[16]", "model.decoder.hidden=[16]"],
    "digits-rbm": ["model.hidden=12", "objective.chains=20"],
}


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """One run folder of each shipped recipe, three steps long."""
    place = tmp_path_factory.mktemp("runs")
    for name, changes in SMALL.items():
        assert answer(["train", name, "train.steps=3", *changes, "--out", str(place / name), "--quiet"]) == 0
    return place


@pytest.fixture
def ask(capsys):
    """Run one command in this process: its exit code, what it printed, and that read as JSON where it was asked for."""

    def asked(*arguments):
        arguments = [str(argument) for argument in arguments]
        code = answer(arguments)
        out, err = capsys.readouterr()
        values = json.loads(out) if "--json" in arguments and code == 0 else None
        return SimpleNamespace(code=code, out=out, err=err, json=values)

    return asked


@pytest.fixture
def command(tmp_path):
    """Run one command in a process of its own, in a folder of its own: bytes in, and what came out."""

    def ran(*arguments, stdin=None):
        launcher = Path(__file__).parents[2] / "cli.py"
        line = [sys.executable, str(launcher), *map(str, arguments)]
        done = subprocess.run(line, cwd=tmp_path, capture_output=True, input=stdin)
        assert done.returncode == 0, done.stderr.decode()
        return done

    return ran
