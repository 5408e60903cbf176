"""How long each recipe takes, and what the model it leaves is judged to be.

`python -m benchmarks.recipes [NAME ...]` trains those that need no files, or the named ones, each in a process of its
own with one thread, and evaluates it. The time is that of the processor, which a busy machine hardly changes: what one
idle core would take. Each row is kept as soon as it is there, in the place of an older one; `benchmarks.model_table`
then puts them into the README.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.harness import RESULTS, Row, machine, show, versions
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


def recipes() -> list[str]:
    """Recipes whose data come with the packages, or are made."""
    return [name for name in shipped() if read(name).data.name in BUNDLED]


def row(name: str, quick: bool = False) -> Row:
    """Train and judge one."""
    changes = ["train.steps=50"] if quick else []
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        before = spent()
        ask("train", name, *changes, "--out", str(run), "--quiet")
        seconds = spent() - before
        checkpoints = run / "checkpoints"
        last = checkpoints / (checkpoints / "last").read_text().strip()
        mode = json.loads((last / "config.json").read_text())["training"]["mode"]
        found = json.loads(ask("evaluate", str(run), "--json", *(["--samples", "20"] if quick else [])))
    return Row(name, mode, 1e3 * seconds, "", note=said(found["records"]))


def spent() -> float:
    """Seconds that processes which have ended were given by the processor."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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


def kept(new: list[Row] | None = None) -> dict[str, Any]:
    """The result so far, by recipe, with the new rows in place of older ones."""
    path = RESULTS / "recipes.json"
    rows = {row["work"]: row for row in (json.loads(path.read_text())["rows"] if path.exists() else [])}
    rows |= {row.work: row.plain() for row in new or []}
    ordered = [rows[name] for name in sorted(rows) if name in shipped()]
    return {"machine": machine(), "versions": versions(), "seed": 0, "rows": ordered}


def main(argv: list[str] | None = None) -> None:
    """Train, judge, keep, show."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recipes", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="recipes; all that need no files by default")
    parser.add_argument("--quick", action="store_true", help="50 steps of three recipes; nothing is written")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    given = parser.parse_args(argv)
    rows = []
    for name in given.names or (QUICK if given.quick else recipes()):
        rows.append(row(name, given.quick))
        if not given.quick:
            RESULTS.mkdir(exist_ok=True)
            (RESULTS / "recipes.json").write_text(json.dumps(kept(rows[-1:]), indent=1) + "\n")
    result = {**kept(), "rows": [row.plain() for row in rows]}
    print(json.dumps(result)) if given.json else show("recipes", result, rows)


if __name__ == "__main__":
    main()
