"""Faults planted in a copy of the package, never in the package itself, and which test catches each.

`python -m tests.endurance.planting NAME ...` says what becomes of the faults whose names hold one of these words.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.endurance import records
from tests.endurance.faults import FAULTS
from tests.endurance.faults.fault import PACKAGE, Fault, Verdict, fault

ROOT = Path(__file__).parents[2]
TESTS = tuple(dict.fromkeys(test for each in FAULTS for test in each.tests))
LIST = records.RESULTS / "planted-faults.md"
SOUND = fault("nothing is changed", "errors.py", "class DataError", "class DataError", *TESTS)


def plant(faults: Sequence[Fault], folder: Path) -> list[Verdict]:
    """One verdict for each fault, in a copy of package and tests under an empty folder."""
    for part in (PACKAGE, "tests"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    asked, told = folder / "asked.json", folder / "told.jsonl"
    asked.write_text(json.dumps([each._asdict() for each in faults]))
    command = [sys.executable, "-m", "tests.endurance.witness", str(asked), str(told)]
    surroundings = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": ""}  # what is compiled is kept
    subprocess.run(command, cwd=folder, env=surroundings, check=True)
    return [Verdict(**json.loads(line)) for line in told.read_text().splitlines()]


def named(*words: str) -> list[Fault]:
    """The faults whose names hold one of these words; all without any."""
    return [each for each in FAULTS if not words or any(word in each.name for word in words)]


def table(verdicts: Sequence[Verdict]) -> str:
    """Every fault with the test that caught it, as Markdown."""
    files = {each.name: each.file for each in FAULTS}
    lines = ["| planted fault | in | caught by |", "|---|---|---|"]
    lines += [f"| {found.name} | `{files[found.name]}` | `{found.caught}` |" for found in verdicts]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        for found in plant(named(*sys.argv[1:]), Path(made)):
            print(
                f"{found.caught or 'SURVIVED'} | {found.name} | {found.said} | {found.passed} passed, {found.seconds} s"
            )
