"""What a reader can copy is executed: every python and bash block, in order, in a folder of its own.

A block below the comment `<!-- installs -->` sets up an environment from the network, and is not run here; the same
lines are what the Makefile does.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from genlatent.recipes.reading import parse, read
from genlatent.recipes.schema import checked

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"(?P<installs><!-- installs -->\n)?(?P<indent> *)```(?P<kind>\w+)\n(?P<text>.*?)\n *```", re.DOTALL)


def blocks(page, kind):
    """Texts of the blocks of one kind, those that install left out."""
    found = BLOCK.finditer((ROOT / page).read_text(encoding="utf-8"))
    kept = [match for match in found if match["kind"] == kind and not match["installs"]]
    return [re.sub(f"^{match['indent']}", "", match["text"], flags=re.MULTILINE) for match in kept]


def run(command, folder):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=250
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_python_block_runs(page, tmp_path):
    for text in blocks(page, "python"):
        run([sys.executable, "-W", "error", "-c", text], tmp_path)


def test_every_bash_block_runs_and_writes_what_it_says(tmp_path):
    for text in blocks("README.md", "bash"):
        run(["bash", "-euo", "pipefail", "-c", text], tmp_path)
    assert {"digits.png", "digits.npz"} <= {path.name for path in tmp_path.iterdir()}
    assert (tmp_path / "runs" / "vae" / "records.json").is_file()


def test_every_recipe_on_the_page_is_valid():
    for text in blocks("README.md", "yaml"):
        assert checked(parse(text), "README.md").model.name == "vae"


def test_blocks_that_install_are_what_the_makefile_does():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "\ndemo:" in makefile
    assert "\ntest:" in makefile
    assert "install --quiet --disable-pip-version-check -e ." in makefile


def test_every_command_that_proves_a_claim_points_at_something():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for place in re.findall(r"`pytest (tests/[\w/.]+)`", text):
        assert (ROOT / place).exists(), f"README.md names {place}, which is not there"
    for module in re.findall(r"python -m (benchmarks\.\w+)", text):
        assert (ROOT / f"{module.replace('.', '/')}.py").exists(), f"README.md names {module}, which is not there"


def test_every_recipe_and_verb_in_the_blocks_is_known():
    for text in blocks("README.md", "bash"):
        for recipe in re.findall(r"genlatent train (\S+)", text):
            assert read(recipe).describe
