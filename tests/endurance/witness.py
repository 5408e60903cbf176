"""What the tests say of a copy of the package with faults in it; started inside that copy.

`python -m tests.endurance.witness ASKED TOLD` reads faults from one JSON file and writes verdicts to the other. The
large libraries are loaded once; for each fault the file is changed, a fork of this process imports the package anew,
runs the tests, and the file is put back.
"""

import itertools
import json
import multiprocessing
import os
import sys
import time
from pathlib import Path
from typing import Any

import arviz  # noqa: F401  (loaded once, for all forks)
import hypothesis
import pyro  # noqa: F401
import pytest
import scipy.stats  # noqa: F401
import sklearn.mixture  # noqa: F401
import torch

from tests.endurance.faults.fault import PACKAGE, Fault, Verdict

TURNS = itertools.count(1)
LIMIT = 3600  # seconds for the tests of one fault
LOADED = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"  # hypothesis is
NOT_RAISED = "DID NOT RAISE"
EXAMPLES = hypothesis.Phase.explicit, hypothesis.Phase.generate  # the least example of a failure is of no use here
hypothesis.settings.register_profile("first failure", phases=EXAMPLES, database=None)


class Seen:
    """Tests that passed, and the first failure."""

    def __init__(self):
        self.passed, self.caught, self.said = 0, None, ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Count what noticed nothing."""
        self.passed += report.when == "call" and report.passed

    def pytest_exception_interact(self, node: Any, call: Any, report: Any) -> None:
        """Keep what went wrong; an assertion inside a test counts, an error on the way there does not."""
        error = call.excinfo.value
        lines = str(error).strip().splitlines() or [""]
        self.said = f"{type(error).__name__}: {lines[0]}"
        if call.when == "call" and (isinstance(error, AssertionError) or NOT_RAISED in lines[0]):
            self.caught = node.nodeid.removeprefix("tests/")


def verdict(fault: Fault) -> Verdict:
    """Plant a fault, ask its tests, and take it out again."""
    root, start = Path.cwd(), time.perf_counter()
    path, sound = root / fault.path, (root / fault.path).read_text()
    _write(path, fault.planted(root))
    try:
        found = _forked([f"tests/{test}" for test in fault.tests])
    finally:
        _write(path, sound)
    return Verdict(fault.name, *found, round(time.perf_counter() - start, 1))


def _write(path: Path, text: str) -> None:
    """With a time of its own each, so that no compiled form of another text is taken for this one's."""
    path.write_text(text)
    turn = next(TURNS)
    os.utime(path, (turn, turn))


def _forked(tests: list[str]) -> tuple[str | None, str, int]:
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe(duplex=False)
    process = fork.Process(target=_ask, args=(tests, there))
    process.start()
    there.close()
    try:
        return here.recv() if here.poll(LIMIT) else (None, f"no answer within {LIMIT} s", 0)
    except EOFError:
        return None, "the process ended without an answer", 0
    finally:
        process.kill()
        process.join()


def _ask(tests: list[str], answer: Any) -> None:
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    hypothesis.settings.load_profile("first failure")
    seen = Seen()
    pytest.main(["-x", "-q", "-W", LOADED, *tests], plugins=[seen])
    home = str(sys.modules[PACKAGE].__file__) if PACKAGE in sys.modules else "nowhere"
    if not home.startswith(str(Path.cwd())):
        seen.caught, seen.said = None, f"the package came from {home}"
    answer.send((seen.caught, seen.said, seen.passed))


if __name__ == "__main__":
    assert PACKAGE not in sys.modules, "the package is loaded already, so no fork would see a fault"
    torch.set_num_threads(1)
    asked, told = map(Path, sys.argv[1:])
    faults = [Fault(**{**row, "tests": tuple(row["tests"])}) for row in json.loads(asked.read_text())]
    with told.open("w") as lines:
        for each in faults:
            print(json.dumps(verdict(each)._asdict()), file=lines, flush=True)
