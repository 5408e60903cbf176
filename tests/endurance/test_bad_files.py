"""Damaged files by the hundred thousand: a sentence or rows, never a crash, never more memory than is stated.

What reads a file of any kind that the toolkit reads may raise the errors of :mod:`genlatent.errors` and nothing else,
and takes at most :data:`~tests.endurance.fuzzing.children.MOST_MEMORY` where a quarter of the pretended main memory
may be filled with rows. The inputs are those of seeds 0, 1, 2, ..., so a fault is made again by
`python -m tests.endurance.fuzzing FORMAT --first SEED --inputs 1`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.endurance import records

FORMATS = ("idx", "arrays", "csv", "parquet", "images", "safetensors", "recipes", "runs", "archives", "commands")
COMMAND = "pytest -m campaign tests/endurance/test_bad_files.py"
SHORT = 200
LONG = int(os.environ.get("GENLATENT_INPUTS", "100000"))
WHOLE_COMMANDS = 50  # inputs for each that a whole command is given
MEMORY = Path("/dev/shm")  # quicker than a disk, where there is such a thing


def fuzzed(inputs, *formats):
    """What became of so many inputs of each format, in processes without the checks of annotations."""
    line = [sys.executable, "-m", "tests.endurance.fuzzing", "--inputs", str(inputs), *formats]
    place = {"TMPDIR": str(MEMORY)} if MEMORY.is_dir() else {}
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **place}
    root = Path(__file__).parents[2]
    done = subprocess.run(line, cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_some_hundred_damaged_files_of_each_format():
    for name, result in fuzzed(SHORT, *FORMATS[:-1]).items():
        assert result["faults"] == [], name
        assert sum(result["found"].values()) == SHORT, name
        assert 0 < result["found"]["read"] < SHORT, f"{name}: nothing is damaged, or nothing is read any more"


@pytest.mark.slow
def test_some_damaged_files_on_the_command_line():
    result = fuzzed(SHORT // 4, "commands")["commands"]
    assert result["faults"] == []
    assert 0 < result["found"]["read"] < SHORT // 4


@pytest.mark.campaign
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", FORMATS)
def test_a_hundred_thousand_damaged_files(name):
    result = fuzzed(LONG // (WHOLE_COMMANDS if name == "commands" else 1), name)[name]
    found = result["found"]
    records.keep(
        f"bad-files-{name}",
        f"{COMMAND} -k {name}",
        result["minutes"],
        inputs=sum(found.values()),
        refused_in_a_sentence=sum(found.values()) - found.get("read", 0) - len(result["faults"]),
        read=found.get("read", 0),
        faults=len(result["faults"]),
        peak_MiB=result["peak_mib"],
    )
    assert result["faults"] == [], json.dumps(result["faults"], indent=1)
