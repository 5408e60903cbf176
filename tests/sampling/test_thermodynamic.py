import pytest
import torch

from genlatent.energy.exact_draws import draw_exactly
from genlatent.sampling.annealing import Annealing
from genlatent.sampling.driver import run
from genlatent.sampling.schedule import uniform
from genlatent.sampling.thermodynamic import integral
from tests.machines import MACHINES

RUNS, STEPS = 2000, 60


@pytest.mark.parametrize("name", MACHINES)
def test_the_integral_is_that_of_the_exact_partition_function_and_lies_between_its_bounds(name, device):
    machine, generator = MACHINES[name]().to(device), torch.Generator(device).manual_seed(0)
    ahead, back = (Annealing(machine, uniform(STEPS), reverse=reverse) for reverse in (False, True))
    end = run(ahead, ahead.init(RUNS, generator), STEPS, generator=generator)
    home = run(back, back.start(draw_exactly(machine, RUNS, generator=generator)), STEPS, generator=generator)
    found = integral(end.log_weights, home.log_weights)
    truth = float(machine.log_partition_exact().detach()) - ahead.log_partition_base()
    half = found.interval[1] - found.value
    assert found.bounds[0] - 2 * half < truth < found.bounds[1] + 2 * half
    assert found.value == pytest.approx(truth, abs=2.5 * half + 0.05 * (found.bounds[1] - found.bounds[0]))
