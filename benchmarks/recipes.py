"""How long each recipe takes that needs no files, and what the model it leaves is judged to be.

`python -m benchmarks.recipes` trains every one of them in a process of its own with one thread and evaluates it.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import Row, Settings, main
from genlatent.recipes.reading import read, shipped

BUNDLED = ("digits", "bars-and-stripes", "two-moons", "photographs", "swiss-roll")
QUICK = ("digits-vae", "digits-rbm", "digits-linear-autoencoder")
FIRST = (  # what a model is known by, the first of these that it is judged on
    "KL(data || model)",
    "log-likelihood",
    "log-likelihood, lower bound",
    "evidence lower bound",
    "accuracy",
    "reconstruction error",
)


def rows(settings: Settings) -> list[Row]:
    """One row for each recipe."""
    return [row(name, settings) for name in (QUICK if settings.quick else recipes())]


def recipes() -> list[str]:
    """Recipes whose data come with the packages, or are made."""
    return [name for name in shipped() if read(name).data.name in BUNDLED]


def row(name: str, settings: Settings) -> Row:
    """Train and judge one."""
    changes = ["train.steps=50", "train.epochs=null"] if settings.quick else []
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        start = time.perf_counter()
        ask("train", name, *changes, "--out", str(run), "--quiet")
        spent = time.perf_counter() - start
        mode = json.loads((run / "checkpoints" / "last" / "config.json").read_text())["training"]["mode"]
        found = json.loads(ask("evaluate", str(run), "--json", *(["--samples", "20"] if settings.quick else [])))
    return Row(name, mode, 1e3 * spent, "", note=said(found["records"]))


def ask(*words: str) -> str:
    """What the command line says, on one thread."""
    command = [sys.executable, "-c", "from genlatent.cli.main import run; run()", *words]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    if done.returncode:
        raise RuntimeError(f"genlatent {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def said(records: list[dict[str, Any]]) -> str:
    """The record that the model is known by, in words."""
    for metric in FIRST:
        for record in records:
            if record["metric"] == metric:
                return _words(record)
    return _words(records[0]) if records else "nothing to judge"


def _words(record: dict[str, Any]) -> str:
    interval = record.get("interval")
    spread = f" [{interval[0]:.4g}, {interval[1]:.4g}]" if interval else ""
    return f"{record['metric']} {record['value']:.4g}{spread} {record['unit']}: {record['verdict']}"


if __name__ == "__main__":
    main("recipes", rows)
