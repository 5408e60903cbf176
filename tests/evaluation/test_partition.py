import math

import pytest
import torch

from genlatent.energy.conditional import ConditionalRBM
from genlatent.energy.exact_draws import draw_exactly
from genlatent.energy.machine import BoltzmannMachine
from genlatent.energy.rbm import RBM
from genlatent.errors import DataError, Diverged, RecipeError
from genlatent.evaluation.partition import EXACT, log_partition, summary
from genlatent.evaluation.ways import with_base_rates
from genlatent.sampling.annealing import Annealing
from genlatent.sampling.bennett import solve
from genlatent.sampling.driver import run
from genlatent.sampling.schedule import uniform
from tests.machines import MACHINES, rbm, skewed

SEEDS, RUNS = 50, 100


def strong(machine, scale):
    """Couplings so strong that annealing has to work, from a base model that knows nothing of the machine."""
    skewed(machine, scale)
    for base in machine.base().values():
        base.zero_()
    return machine


HARD = {
    "rbm": lambda: strong(RBM(20, 12), 2.0),
    "deep": lambda: strong(
        BoltzmannMachine({"visible": 12, "hidden": 10, "top": 8}, [("visible", "hidden"), ("hidden", "top")]), 2.0
    ),
    "ring": lambda: strong(
        BoltzmannMachine(
            {"visible": 8, "hidden": 8, "label": 5}, [("visible", "hidden"), ("label", "hidden"), ("label", "visible")]
        ),
        1.5,
    ),
    "visible": lambda: strong(BoltzmannMachine({"visible": 12}, [("visible", "visible")]), 3.0),
}


@torch.no_grad()
def many(machine, steps, device):
    """Log-weights of all seeds each way, `(seed, run)`, the reverse ones from exact draws; ln Z of the base model."""
    generator = torch.Generator(device).manual_seed(11)
    ahead, back = (Annealing(machine, uniform(steps), reverse=reverse) for reverse in (False, True))
    end = run(ahead, ahead.init(SEEDS * RUNS, generator), steps, generator=generator)
    draws = draw_exactly(machine, SEEDS * RUNS, generator=generator)
    home = run(back, back.start(draws), steps, generator=generator)
    return (*(s.log_weights.view(SEEDS, RUNS).cpu() for s in (end, home)), ahead.log_partition_base())


@pytest.mark.slow
@pytest.mark.parametrize("name", HARD)
def test_both_sides_cover_the_exact_value_in_nine_of_ten_seeds(name, device):
    machine = HARD[name]().to(device)
    exact = float(machine.log_partition_exact().detach())
    forward, reverse, base = many(machine, 100, device)
    generator = torch.Generator().manual_seed(5)
    found = [summary(base, f, {EXACT: r}, 100, generator) for f, r in zip(forward, reverse)]
    sides = {
        "forward": [result.forward.interval for result in found],
        "reverse": [result.reverse[EXACT].interval for result in found],
        "bennett": [result.interval for result in found],
    }
    held = {side: sum(low <= exact <= high for low, high in intervals) for side, intervals in sides.items()}
    assert min(held.values()) >= 0.9 * SEEDS, held
    assert min(float(w.std(1).mean()) for w in (forward, reverse)) > 0.7, "too easy to show anything"
    assert sum(result.verdict == "ok" for result in found) >= SEEDS - 2


@pytest.mark.slow
@pytest.mark.parametrize("name", HARD)
def test_a_schedule_that_is_too_short_is_flagged_in_every_seed(name, device):
    forward, reverse, base = many(HARD[name]().to(device), 4, device)
    generator = torch.Generator().manual_seed(5)
    found = [summary(base, f, {EXACT: r}, 4, generator) for f, r in zip(forward, reverse)]
    assert {result.verdict for result in found} <= {"doubtful", "failed"}
    assert all("steps" in result.reason or result.verdict == "failed" for result in found)


@pytest.mark.parametrize("name", HARD)
def test_of_coarse_schedules_bennetts_ratio_makes_the_most(name, device):
    machine = HARD[name]().to(device)
    exact = float(machine.log_partition_exact().detach())
    forward, reverse, base = many(machine, 10, device)
    found = {
        "forward": forward.logsumexp(1) - math.log(RUNS),
        "reverse": math.log(RUNS) - reverse.logsumexp(1),
        "bennett": solve(forward, reverse),
    }
    error = {side: float((values + base - exact).square().mean().sqrt()) for side, values in found.items()}
    assert error["bennett"] < 0.5 * min(error["forward"], error["reverse"]), error


@pytest.mark.parametrize("temperature", [1.0, 2.0])
@pytest.mark.parametrize("name", MACHINES)
def test_an_estimate_of_any_machine_at_any_temperature_holds_the_exact_value(name, temperature, device):
    machine = MACHINES[name]().to(device)
    exact = float(machine.log_partition_exact(beta=1 / temperature).detach())
    generator = torch.Generator(device).manual_seed(1)
    rows = draw_exactly(machine, 100, temperature=temperature, generator=generator)[machine.data]
    found = log_partition(
        machine,
        rows.reshape(-1, *machine.event_shape),
        rows,
        runs=100,
        steps=60,
        temperature=temperature,
        estimate=True,
        generator=generator,
    )
    assert set(found.reverse) == {"data", "chains", "forward ends", EXACT}
    assert found.verdict == "ok", found.reason
    assert found.wide[0] - 0.02 < exact < found.wide[1] + 0.02
    plain = log_partition(machine, temperature=temperature)
    assert plain.value == pytest.approx(exact)
    assert (plain.interval, plain.method, plain.verdict) == ((exact, exact), "exact, by enumeration", "ok")


def two_modes(device):
    """Every site on, or every site off, which is rarer, and nothing between."""
    machine = RBM(30, 26).to(device)
    with torch.no_grad():
        machine.visible_hidden_weight.fill_(0.6)
        machine.visible_bias.fill_(-0.6 * 26 / 2 + 0.05)
        machine.hidden_bias.fill_(-0.6 * 30 / 2)
        machine.visible_base.fill_(0.01)  # base rates of data that are half on, half off
    return machine


def test_chains_that_know_one_of_two_modes_are_found_out(device):
    machine = two_modes(device)
    off = torch.zeros(50, 30, device=device)
    generator = torch.Generator(device).manual_seed(0)
    found = log_partition(machine, off, runs=200, steps=300, settle=50, generator=generator)
    assert found.verdict == "failed"
    assert "data" in found.reason


def test_steps_follow_from_a_wished_deviation(device):
    machine, generator = rbm(12, 8).to(device), torch.Generator(device).manual_seed(0)
    coarse, fine = (
        log_partition(machine, runs=200, steps=None, deviation=d, estimate=True, generator=generator)
        for d in (0.8, 0.2)
    )
    assert fine.steps > 8 * coarse.steps
    assert fine.forward.spread == pytest.approx(0.2, rel=0.5)


@pytest.mark.parametrize("schedule", ["uniform", "adaptive", torch.tensor([0.0, 0.2, 0.5, 1.0])])
def test_schedules_may_be_named_or_given(schedule, device):
    found = log_partition(rbm().to(device), runs=20, steps=7, schedule=schedule, estimate=True)
    assert found.steps == (3 if isinstance(schedule, torch.Tensor) else 7)


def test_without_data_and_chains_fresh_chains_are_a_start(device):
    assert set(log_partition(RBM(30, 30).to(device), runs=10, steps=5).reverse) == {"fresh chains", "forward ends"}


def test_base_rates_come_from_the_data_where_the_machine_has_none(device):
    machine, rows = RBM(4, 3).to(device), torch.tensor([[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]], device=device)
    other = with_base_rates(machine, rows)
    assert other.visible_base.tolist() == pytest.approx(
        torch.tensor([0.99, 0.5, 0.01, 0.01], device=device).logit().tolist()
    )
    assert not machine.visible_base.any()
    assert with_base_rates(other, rows) is other
    assert with_base_rates(machine, None) is machine


def test_nothing_of_the_machine_or_of_anybodys_random_numbers_moves(device):
    machine = RBM(30, 30).to(device)
    before = {name: value.clone() for name, value in machine.state_dict().items()}
    torch.manual_seed(3)
    first = log_partition(machine, torch.ones(5, 30, device=device), runs=10, steps=5)
    after = torch.rand(2, device=device)
    torch.manual_seed(3)
    assert torch.equal(after, torch.rand(2, device=device))
    assert all(torch.equal(value, before[name]) for name, value in machine.state_dict().items())
    assert log_partition(machine, torch.ones(5, 30, device=device), runs=10, steps=5) == first


def test_records_label_bounds_and_estimates(device):
    records = log_partition(rbm().to(device), runs=20, steps=10, estimate=True).records()
    assert [r.metric for r in records] == [
        "ln Z",
        "ln Z, forward",
        "ln Z, reverse from fresh chains",
        "ln Z, reverse from forward ends",
        "ln Z, reverse from exact draws",
    ]
    assert [r.reason for r in records[1:]] == [
        "in the mean not above ln Z",
        "an estimate, no bound",
        "an estimate, no bound",
        "in the mean not below ln Z",
    ]
    assert {r.unit for r in records} == {"nats"}


def test_progress_covers_all_parts(device):
    told = []
    log_partition(
        RBM(30, 30).to(device), runs=5, steps=60, settle=70, progress=lambda done, total: told.append((done, total))
    )
    assert told[-1] == (190, 190)
    assert told == sorted(told)


def test_weights_that_are_not_finite_are_named(device):
    w = torch.zeros(5, dtype=torch.float64, device=device)
    with pytest.raises(Diverged, match="not finite"):
        summary(0.0, w, {"data": w / 0}, 3)


@pytest.mark.parametrize("wrong", [{"runs": 1}, {"steps": 0}, {"settle": -1}, {"schedule": "quick"}])
def test_senseless_amounts_of_work_are_refused(wrong, device):
    with pytest.raises(RecipeError):
        log_partition(RBM(30, 30).to(device), **wrong)


def test_a_conditional_machine_is_annealed_under_one_condition(device):
    machine = skewed(ConditionalRBM(14, 10, 3), 0.4).to(device)
    for base in machine.base().values():
        base.zero_()
    one = machine.under(torch.tensor([2], device=device))
    x = machine.sample(200, given={"y": 2}, steps=50)
    found = log_partition(one, x, {"visible": x}, runs=200, steps=200, estimate=True)
    exact = float(one.log_partition_exact().detach())
    assert found.wide[0] - 0.02 <= exact <= found.wide[1] + 0.02
    assert not machine.visible_base.any(), "the machine itself is left alone"
    assert machine.visible_bias.requires_grad


def test_chains_that_are_no_states_are_refused_before_anything_is_run(device):
    with pytest.raises(DataError, match="layer 'visible' has 6 units, but its states 5 values"):
        log_partition(rbm().to(device), chains=torch.zeros(3, 5, device=device), estimate=True)
    with pytest.raises(DataError, match="is not binary"):
        log_partition(rbm().to(device), chains={"visible": torch.full((3, 6), 0.5, device=device)}, estimate=True)
