"""Two processes learn what one learns from the joint batch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import t as student

from genlatent.training import distributed
from tests.training import two_processes

SEEDS = 6
FALSE_ALARM = 1e-3


@pytest.fixture(scope="module")
def together(tmp_path_factory) -> dict:
    """What two processes found."""
    path = tmp_path_factory.mktemp("two") / "found.json"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += ["-m", "tests.training.two_processes", str(path)]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(path.read_text())


@pytest.mark.slow
def test_two_processes_match_the_joint_batch(together):
    assert together["processes"] == 2
    for optimizer, alone in two_processes.autoencoders().items():
        for name, values in alone.items():
            other = together["autoencoders"][optimizer][name]
            assert np.allclose(values, other, rtol=0, atol=1e-6), (optimizer, name)


@pytest.mark.slow
def test_random_families_match_within_their_statistical_error(together):
    """A further training is a further draw from the distribution that the single trainings show."""
    alone = [two_processes.held_out(seed) for seed in range(1, SEEDS + 1)]
    for name, value in together["held_out"].items():
        losses = np.array([losses[name] for losses in alone])
        bound = student.isf(FALSE_ALARM / 2, SEEDS - 1) * losses.std(ddof=1) * (1 + 1 / SEEDS) ** 0.5
        assert abs(value - losses.mean()) < bound, (name, value, losses)


def test_one_process_is_the_identity():
    x = torch.ones(2)
    distributed.sum_([x], weight=3.0)
    distributed.broadcast_([x])
    distributed.barrier()
    assert (distributed.world(), distributed.rank()) == (1, 0)
    assert x.tolist() == [1.0, 1.0]
    assert distributed.agreed(True, torch.device("cpu"))
    assert not distributed.agreed(False, torch.device("cpu"))
