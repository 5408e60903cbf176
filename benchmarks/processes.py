"""One training in two processes of one thread each, against the same training in one process of one thread."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.harness import Row, Settings, main

ROUNDS = 5  # in each of which both sides are run, one after the other
GOAL = 0.65  # of one process's time, where the batch is large
LARGE = 1000  # rows from which on it is


def benchmark(settings: Settings) -> list[Row]:
    """Updates of the same whole batch by one and by two processes, gradients summed; traced, one thread each."""
    found: dict[int, list[dict[str, float]]] = {1: [], 2: []}
    for _ in range(1 if settings.quick else ROUNDS):
        for number, times in found.items():
            times.append(timed(number, settings.seconds(3.0, 1.0)))
    one, two = ({work: statistics.median(t[work] for t in times) for work in times[0]} for times in found.values())
    return [Row(work, "2 processes", two[work], "1 process", one[work], goal=goal(work), note=NOTE) for work in one]


NOTE = "a ratio of 0.5 were twice as fast"


def goal(work: str) -> float | None:
    """The largest ratio aimed at."""
    return GOAL if int(work.rpartition(" ")[2]) >= LARGE else None


def timed(number: int, seconds: float) -> dict[str, float]:
    """Medians of each work with so many processes."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "found.json"
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={number}"]
        command += ["-m", "benchmarks.one_process", str(path), str(seconds)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        root = Path(__file__).parents[1]
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=600)
        if done.returncode:
            raise RuntimeError(f"{number} processes failed: {done.stderr[-1000:]}")
        return json.loads(path.read_text())


if __name__ == "__main__":
    main("processes", benchmark)
