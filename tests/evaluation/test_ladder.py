import numpy as np
import pytest
import torch

from genlatent.evaluation.ladder import Ladder, ladder_records, run_ladder
from tests.machines import Exact, rbm, skewed
from tests.modes import two_modes
from tests.statistics import assert_mean


def watched(device, machine, **how):
    generator = torch.Generator(device).manual_seed(0)
    return run_ladder(machine, generator=generator, chains=6, **{"draws": 200, "burn_in": 100, "ladder": 5, **how})


def test_a_ladder_that_mixes_is_believed(device):
    machine = two_modes().to(device)
    found = watched(device, machine, ladder=8)
    assert found.energies.shape == (6 * 200, 8)
    assert found.heading.shape == (6, 200, 8)
    assert (found.lam[0], found.lam[-1]) == (0, 1)
    assert (found.flow[0], found.flow[-1]) == (1, 0)
    assert [record.verdict for record in ladder_records(found, 6)] == ["ok", "ok"]
    assert found.barrier == pytest.approx(7 - found.rates.sum())


def test_each_rung_visits_the_energies_of_its_own_distribution(device):
    machine = skewed(rbm(), 0.7).to(device).requires_grad_(False)
    found = watched(device, machine, ladder=(1.0, 3.0), path="temperature", draws=600)
    for rung, beta in ((0, 1 / 3), (1, 1.0)):
        exact = Exact(machine, beta)
        expected = float((exact.probability * exact.energy / beta).sum())
        assert_mean(found.energies[:, rung].reshape(6, 600), expected)


def test_gaps_too_wide_are_named(device):
    found = watched(device, two_modes(4.0).to(device), ladder=2, burn_in=0)
    records = ladder_records(found, 6)
    assert records[0].verdict == "doubtful"
    assert records[0].method.endswith("rungs 0 and 1")
    assert "more rungs" in records[0].reason


def test_states_that_never_arrive_are_noticed():
    one = np.ones(1)
    stuck = Ladder(one, one, np.array([0.5, 0.5]), one, 0.0, 10, one, one)
    assert [record.verdict for record in ladder_records(stuck, 4)] == ["ok", "doubtful"]
