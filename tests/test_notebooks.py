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


def sections(notebook):
    """The code cells below each heading, those before the first heading left out."""
    found = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            found.append([])
        elif cell.cell_type == "code" and found:
            found[-1].append(cell)
    return found


def figures(cells):
    return [out for cell in cells for out in cell.outputs if "image/png" in out.get("data", {})]


ANNOUNCED = "ignore::FutureWarning:arviz"  # what a cell that imports ArviZ is told once a day


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_without_a_warning_and_each_section_shows_something(path, tmp_path):
    made = tmp_path / path.name
    smoke = os.environ | {"GENLATENT_SMOKE": "1", "PYTHONWARNINGS": ANNOUNCED}
    done = subprocess.run([sys.executable, "-c", RUN, path, made], capture_output=True, text=True, env=smoke)
    assert done.returncode == 0, done.stderr[-3000:]
    notebook = nbformat.read(made, as_version=4)
    assert not [out.text for out in outputs(notebook) if out.get("name") == "stderr"]
    for cells in sections(notebook):
        assert any(cell.outputs for cell in cells), cells[0].source
        assert figures(cells) or path.stem != "autoencoders", cells[0].source  # there each ends in a figure
    assert figures(cell for cell in notebook.cells if cell.cell_type == "code")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_stored_is_small_and_without_errors(path):
    assert path.stat().st_size < 1_500_000
    assert not [output for output in outputs(nbformat.read(path, as_version=4)) if output.output_type == "error"]
