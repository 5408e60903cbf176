import pytest
import torch

from genlatent.errors import RecipeError
from genlatent.sampling.annealing import Annealing
from genlatent.sampling.driver import run
from genlatent.sampling.pilot import Pilot, pilot
from genlatent.sampling.schedule import spread, uniform
from tests.machines import rbm


def test_equal_spreads_give_equal_steps_and_a_wide_one_is_cut_finer(device):
    flat = Pilot(uniform(10), torch.ones(10, device=device), 1.0)
    torch.testing.assert_close(flat.schedule(7), uniform(7))
    steep = Pilot(uniform(2), torch.tensor([9.0, 1.0], device=device), 1.0).schedule(100)
    assert int((steep <= 0.5).sum()) == pytest.approx(1 + 100 * (0.75 * 0.9 + 0.25 * 0.5), abs=1)


def test_a_schedule_is_one_that_annealing_takes_whatever_the_pilot_saw(device):
    for spreads in ([0.0, 0.0, 0.0], [5.0, 0.0, 0.0], [1e-9, 1e9, 1e-9]):
        positions = Pilot(uniform(3), torch.tensor(spreads, device=device), 1.0).schedule(50)
        assert Annealing(rbm().to(device), positions).steps == 50


def test_the_spread_of_small_increments_is_their_standard_deviation(device):
    increments = 0.01 * torch.randn(20_000, generator=torch.Generator(device).manual_seed(0), device=device)
    assert spread(increments) == pytest.approx(0.01, rel=0.03)


def test_the_steps_asked_for_give_about_the_wished_deviation(device):
    machine, generator = rbm(12, 8).to(device), torch.Generator(device).manual_seed(0)
    found = pilot(machine, 500, 40, generator=generator)
    steps = found.steps_for(found.deviation / 2)
    kernel = Annealing(machine, found.schedule(steps))
    end = run(kernel, kernel.init(1000, generator), steps, generator=generator)
    assert steps == 160
    assert float(end.log_weights.std()) == pytest.approx(found.deviation / 2, rel=0.2)


def test_the_pilot_sees_where_the_way_is_steep(device):
    machine = rbm(12, 8).to(device)
    with torch.no_grad():
        machine.visible_hidden_weight.mul_(3)
    found = pilot(machine, 300, 50, generator=torch.Generator(device).manual_seed(0))
    positions = found.schedule(50)
    assert float(positions.diff()[:5].mean()) < float(positions.diff()[-5:].mean())


@pytest.mark.parametrize("call", [lambda: uniform(0), lambda: Pilot(uniform(2), torch.ones(2), 1.0).steps_for(0.0)])
def test_nothing_and_impossible_wishes_are_refused(call):
    with pytest.raises(RecipeError):
        call()
