"""The suite in an environment of the oldest versions that are allowed.

.. code-block:: bash

    python -m venv oldest
    oldest/bin/pip install $(python -m tests.endurance.test_lowest_versions)
    oldest/bin/pip install --no-deps -e .
    oldest/bin/python -m pytest -m campaign tests/endurance/test_lowest_versions.py
"""

import subprocess
import sys
import time
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.endurance.records import keep

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TRIED = (
    "tests/data",
    "tests/recipes",
    "tests/plots",
    "tests/report",
    "tests/cli/test_sample.py",
    "tests/cli/test_chains.py",
)


def lowest(requirement: Requirement) -> str:
    """The oldest version that a requirement allows, any patch of it."""
    version = next(bound.version for bound in requirement.specifier if bound.operator == ">=")
    return f"{requirement.name}=={version}.*"


@pytest.mark.campaign
@pytest.mark.timeout(5400)
def test_the_suite_passes_with_the_oldest_versions():
    requirements = [Requirement(line) for line in PROJECT["dependencies"]]
    found = {one.name: metadata.version(one.name) for one in requirements}
    start = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", *TRIED]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    minutes = (time.monotonic() - start) / 60
    keep("lowest-versions", " ".join(["pytest", *TRIED]), minutes, **found, result=done.stdout.strip().splitlines()[-1])


if __name__ == "__main__":
    print(*map(lowest, map(Requirement, PROJECT["dependencies"])))
