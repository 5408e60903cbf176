import numpy as np
import pytest
import torch

from genlatent.errors import RecipeError
from genlatent.evaluation.annealing_path import annealing_path
from tests.machines import rbm, skewed


@pytest.fixture(scope="module")
def machine(device):
    return skewed(rbm(), 0.8).to(device).requires_grad_(False)


@pytest.fixture(scope="module")
def path(machine):
    return annealing_path(machine, runs=400, steps=60)


def test_both_directions_agree_with_every_machine_on_the_way(machine, path):
    assert path.forward.shape == path.reverse.shape == (400, 61)
    for k in (0, 30, 60):
        exact = float(machine.log_partition_exact(lam=float(path.positions[k])))
        assert path.log_partition_forward[k] == pytest.approx(exact, abs=0.15)
        assert path.log_partition_reverse[k] == pytest.approx(exact, abs=0.15)


def test_the_known_end_is_exact(machine, path):
    exact = float(machine.log_partition_exact(lam=0.0))
    assert path.log_partition_forward[0] == pytest.approx(exact, abs=1e-5)
    assert path.log_partition_reverse[0] == path.log_partition_forward[0]


def test_single_runs_lie_below_forward_and_above_in_reverse(machine, path):
    forward, reverse = path.works
    exact = float(machine.log_partition_exact())
    assert np.mean(forward) < exact < np.mean(reverse)
    assert np.ptp(path.reverse[:, -1]) == 0


def test_base_rates_come_from_data_where_there_are_none(device):
    machine = rbm().to(device).requires_grad_(False)
    machine.visible_base.zero_()
    data = (torch.rand(100, 6, device=device) < 0.8).float()
    path = annealing_path(machine, data, runs=10, steps=5)
    assert path.base > annealing_path(machine, runs=10, steps=5).base
    assert not machine.visible_base.any()


def test_too_few_runs_are_refused(device):
    with pytest.raises(RecipeError, match="at least 2"):
        annealing_path(rbm().to(device), runs=1)
