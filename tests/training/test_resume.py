"""A run that was killed, again and again, ends with the same bits as one that was not."""

import json
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tests.training.conftest import FAMILIES
from tests.training.killed import STEPS, train

KILLS = 7  # of each family: 21 in all, every third one while a checkpoint is being written


@pytest.fixture(scope="module")
def processes():
    """Processes that start with everything imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.training.killed", "genlatent.training.fit", "genlatent.latent.vae"])
    return context


def killed_while_writing(process, folder: Path, patience: float = 60.0) -> None:
    """Kill the process as soon as a half-written checkpoint lies in its folder."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and process.is_alive():
        if any(folder.glob("checkpoints/.*.partial")):
            break
    kill(process)


def kill(process) -> None:
    if process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    process.join()


def killed_later(process, folder: Path, seconds: float) -> None:
    """Kill the process some time after its first new checkpoint or the wait's end, whichever is earlier."""
    process.join(seconds)
    kill(process)


def last_step(folder: Path) -> int:
    pointer = folder / "checkpoints" / "last"
    return int(pointer.read_text()) if pointer.exists() else 0


@pytest.mark.slow
@pytest.mark.parametrize("family", list(FAMILIES))
def test_killed_run_ends_bit_identical(processes, tmp_path, family):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    process = processes.Process(target=train, args=(family, str(whole)))
    start = time.monotonic()
    process.start()
    process.join()
    duration = time.monotonic() - start
    assert process.exitcode == 0
    chance, kills = random.Random(hash_of(family)), 0
    while last_step(broken) < STEPS:
        process = processes.Process(target=train, args=(family, str(broken)))
        process.start()
        if kills < KILLS and kills % 3 == 2:
            killed_while_writing(process, broken)
        elif kills < KILLS:
            killed_later(process, broken, chance.uniform(0.02, 0.3) * duration)
        process.join()
        kills += process.exitcode == -signal.SIGKILL
        assert process.exitcode in (0, -signal.SIGKILL)
    assert kills >= KILLS, f"the run ended after {kills} kills; make it longer"
    assert_same_run(whole, broken)


def hash_of(text: str) -> int:
    return sum(ord(letter) * 31**place for place, letter in enumerate(text))


def assert_same_run(one: Path, other: Path) -> None:
    for pointer in ("last", "best"):
        folders = [run / "checkpoints" / (run / "checkpoints" / pointer).read_text().strip() for run in (one, other)]
        assert folders[0].name == folders[1].name
        files = [sorted(file.name for file in folder.iterdir()) for folder in folders]
        assert files[0] == files[1]
        for name in files[0]:
            if name.endswith(".safetensors"):
                assert_same_tensors(*(load_file(folder / name) for folder in folders))
    assert metrics(one) == metrics(other)
    assert not list(other.rglob("*.partial")), "nothing half-written is left"


def assert_same_tensors(one, other) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert tensor.equal(other[name]), name


def metrics(run: Path) -> list[dict]:
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]
