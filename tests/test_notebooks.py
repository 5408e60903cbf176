"""Every notebook runs through, in its smoke size, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))

RUN = """
import sys, nbformat, nbclient
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=240, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


def outputs(notebook):
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_and_each_section_ends_in_a_figure(path, tmp_path):
    made = tmp_path / path.name
    smoke = os.environ | {"GENLATENT_SMOKE": "1"}
    done = subprocess.run([sys.executable, "-c", RUN, path, made], capture_output=True, text=True, env=smoke)
    assert done.returncode == 0, done.stderr[-3000:]
    cells = [cell for cell in nbformat.read(made, as_version=4).cells if cell.cell_type == "code"]
    for cell in cells[1:]:
        assert any("image/png" in output.get("data", {}) for output in cell.outputs), cell.source
        warned = [output.text for output in cell.outputs if output.get("name") == "stderr"]
        assert not warned, warned


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_stored_is_small_and_without_errors(path):
    assert path.stat().st_size < 1_500_000
    assert not [output for output in outputs(nbformat.read(path, as_version=4)) if output.output_type == "error"]
