import math

import pytest
import torch

from genlatent.energy.dbm import DeepBoltzmannMachine
from genlatent.energy.exact_draws import draw_exactly
from genlatent.energy.machine import BoltzmannMachine
from genlatent.energy.rbm import RBM
from genlatent.evaluation.annealed import machine_likelihood, under, unnormalised
from genlatent.evaluation.likelihood import mean_interval
from genlatent.evaluation.partition import PartitionResult, log_partition
from tests.machines import MACHINES, skewed


def test_a_small_machine_gets_its_exact_likelihood(device):
    rbm = skewed(RBM(6, 4), 0.7).to(device)
    x = draw_exactly(rbm, 40)["visible"]
    (record,) = machine_likelihood(rbm, x)
    assert record.metric == "log-likelihood"
    assert record.value == pytest.approx(float(rbm.log_prob(x).detach().mean()), abs=1e-6)
    assert record.interval == pytest.approx(mean_interval(rbm.log_prob(x).detach()).sides, abs=1e-6)
    assert (record.method, record.samples, record.rows) == ("exact, by enumeration", 0, 40)


def test_a_large_machine_gets_both_sides_around_the_quoted_value(device):
    rbm = skewed(RBM(30, 28), 0.15).to(device)
    x = rbm.sample(100, steps=20)
    quoted, forward, reverse = machine_likelihood(rbm, x, x, {"visible": x}, runs=60, steps=80)
    assert [r.metric for r in (quoted, forward, reverse)] == [
        "log-likelihood",
        "log-likelihood, forward",
        "log-likelihood, reverse",
    ]
    assert "starts: data, chains, forward ends" in quoted.method
    assert {(r.samples, r.rows, r.unit, r.verdict) for r in (quoted, forward, reverse)} == {(60, 100, "nats", "ok")}
    assert quoted.value == pytest.approx(forward.value, abs=0.5)
    assert reverse.value <= quoted.value + 0.5


@pytest.mark.parametrize("name", MACHINES)
def test_rows_are_weighed_exactly_under_every_machine(name, device):
    machine = MACHINES[name]().to(device)
    x = draw_exactly(machine, 20)[machine.data].reshape(20, *machine.event_shape)
    values, tight = unnormalised(machine, x)
    assert tight
    torch.testing.assert_close(values - machine.log_partition_exact(), machine.log_prob(x), atol=1e-6, rtol=0)


def test_a_deep_machine_too_large_for_sums_gets_a_lower_bound(device):
    machine = skewed(DeepBoltzmannMachine(8, (12, 12)), 0.3).to(device)
    x = machine.sample(20, steps=20)
    values, tight = unnormalised(machine, x)
    assert not tight
    exact = machine.log_sum({"visible": x})
    assert bool((values <= exact + 1e-4).all())
    (record,) = machine_likelihood(machine, x)
    assert record.metric == "log-likelihood, lower bound"
    assert record.value < float(machine.log_prob(x).detach().mean())


def test_where_not_even_a_bound_is_known_the_pseudo_likelihood_and_ln_z_are_given(device):
    machine = BoltzmannMachine({"v": 16, "h": 14}, [("v", "v"), ("v", "h"), ("h", "h")]).to(device)
    records = machine_likelihood(machine, torch.zeros(3, 16, device=device), runs=20, steps=20)
    assert [r.metric for r in records][-1] == "ln Z"
    assert all(r.metric != "log-likelihood" for r in records)


def test_rows_and_runs_are_both_in_the_interval(device):
    rbm = skewed(RBM(6, 4), 0.7).to(device)
    x = draw_exactly(rbm, 50)["visible"]
    rows, _ = unnormalised(rbm, x)
    mean, sides = mean_interval(rows)
    half = sides[1] - mean
    (record,) = under(rbm, x, PartitionResult(5.0, (4.7, 5.4), (4.5, 5.6), "a method"))
    assert record.value == pytest.approx(mean - 5.0)
    assert record.interval[0] == pytest.approx(mean - 5.0 - math.hypot(half, 0.4))
    assert record.interval[1] == pytest.approx(mean - 5.0 + math.hypot(half, 0.3))


def test_a_doubt_about_ln_z_is_a_doubt_about_the_likelihood(device):
    rbm = skewed(RBM(30, 28), 1.0).to(device)
    x = rbm.sample(20, steps=5)
    found = log_partition(rbm, x, runs=20, steps=3)
    assert found.verdict != "ok"
    assert {(r.verdict, r.reason) for r in under(rbm, x, found)} == {(found.verdict, found.reason)}
