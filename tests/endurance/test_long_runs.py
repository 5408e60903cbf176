"""An hour is like a minute: no memory and no file is kept that is not needed, and clocks may jump."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from genlatent import fit
from genlatent.cli.main import answer
from genlatent.cli.progress import line
from genlatent.components import build
from genlatent.training.callbacks import Callback
from genlatent.training.run import RunFolder
from tests.endurance import records
from tests.endurance.acts import few
from tests.endurance.long_run import WARM, Look, after_warming, slope
from tests.endurance.soundness import assert_same_run
from tests.test_models import EXAMPLES

ROOT = Path(__file__).parents[2]
MINUTES = float(os.environ.get("GENLATENT_LONG_RUN", "60"))  # of the campaign
SHARE = 0.05  # of the memory, that it may grow by


def watched(minutes: float, place: Path, niceness: int, *families: str) -> dict[str, tuple[int, list[Look]]]:
    """What was seen of many small trainings, and of a long one, in a process of its own that gives way to others."""
    line = [sys.executable, "-m", "tests.endurance.long_run", str(minutes), str(place), str(niceness), *families]
    subprocess.run(line, cwd=ROOT, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    found = {work: json.loads((place / f"{work}.json").read_text()) for work in ("turn", "train")}
    return {work: (seen["done"], [Look(*each) for each in seen["looks"]]) for work, seen in found.items()}


def growth(looks: list[Look]) -> float:
    """Of memory while it was watched after warming, as a fraction of it."""
    counted = after_warming(looks)
    hours = (counted[-1].seconds - counted[0].seconds) / 3600
    return slope(counted) * hours / float(np.median([each.memory for each in counted]))


def files(looks: list[Look]) -> tuple[int, int]:
    """The most that were open while it warmed up, and later."""
    early = [each.files for each in looks if each.seconds < WARM * looks[-1].seconds]
    return max(early), max(each.files for each in after_warming(looks))


def test_a_growing_process_is_told_from_a_steady_one():
    chance = np.random.default_rng(0)
    steady = [Look(t, 500 + chance.normal(), 9) for t in range(300)]
    growing = [each._replace(memory=each.memory + 0.2 * each.seconds) for each in steady]
    assert abs(growth(steady)) < SHARE / 10
    assert growth(growing) > SHARE


@pytest.mark.slow
def test_a_few_turns_leave_nothing_open(tmp_path):
    for _, looks in watched(0.1, tmp_path, 0, "rbm").values():
        early, late = files(looks)
        assert late <= early
        assert growth(looks) < 2 * SHARE


@pytest.mark.campaign
@pytest.mark.timeout(3 * 3600)
def test_an_hour_of_training_and_sampling(tmp_path):
    start = time.monotonic()
    seen = watched(MINUTES, tmp_path, 10)
    found: dict[str, float] = {}
    for work, (done, looks) in seen.items():
        found[f"{work}s"] = done
        found[f"{work}_growth_in_MiB_an_hour"] = round(slope(after_warming(looks)), 2)
        found[f"{work}_memory_in_MiB"] = round(looks[-1].memory)
        found[f"{work}_most_open_files"] = files(looks)[1]
    records.keep(
        "long-runs",
        f"GENLATENT_LONG_RUN={MINUTES:g} pytest -m campaign tests/endurance/test_long_runs.py",
        (time.monotonic() - start) / 60,
        **found,
    )
    for _, looks in seen.values():
        assert files(looks)[1] <= files(looks)[0]
        assert growth(looks) < SHARE


class Clock:
    """A clock that counts steps as seconds, while the time of day jumps back and forth by hours."""

    def __init__(self):
        self.now, self.chance = 0.0, np.random.default_rng(0)

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1e9 + 3600 * float(self.chance.integers(-48, 48))


class Ticking(Callback):
    """Moves the clock by a second at each step, and sees where checkpoints were written and how long it took."""

    def __init__(self, clock: Clock):
        self.clock, self.written, self.left = clock, [], []

    def tick(self, trainer):
        self.clock.now += 1.0

    def log(self, trainer, row):
        self.left.append(line(trainer, row).rpartition("  ")[2])

    def checkpoint(self, trainer, folder):
        self.written.append(trainer.step)


def test_checkpoints_and_estimates_keep_to_the_clock_that_never_jumps(tmp_path, monkeypatch):
    clock = Clock()
    monkeypatch.setattr("genlatent.training.trainer.time", clock)
    monkeypatch.setattr(time, "time", clock.time)
    ticking = Ticking(clock)
    history = fit(
        build(EXAMPLES["rbm"], "model"),
        few(),
        steps=24,
        batch_size=20,
        mode="eager",
        run=tmp_path / "run",
        checkpoint_seconds=5,
        callbacks=[ticking],
    )
    assert ticking.written == [6, 12, 18, 24]
    assert history.column("seconds") == [3, 6, 9, 12, 15, 18, 21, 24]
    assert ticking.left[:-1] == [f"{24 - done} s left" for done in range(3, 24, 3)]


def test_a_clock_that_jumps_changes_no_number(tmp_path, monkeypatch):
    for name in ("steady", "jumping"):
        if name == "jumping":
            monkeypatch.setattr(time, "time", Clock().time)
        assert answer(["train", "digits-rbm", "train.steps=6", "--out", str(tmp_path / name), "--quiet"]) == 0
        assert answer(["sample", str(tmp_path / name), "-n", "4", "--out", str(tmp_path / f"{name}.npz")]) == 0
    assert_same_run(tmp_path / "steady", tmp_path / "jumping")
    assert (tmp_path / "steady.npz").read_bytes() == (tmp_path / "jumping.npz").read_bytes()
    assert all(0 <= row["seconds"] < 600 for row in RunFolder(tmp_path / "jumping").read_metrics())
