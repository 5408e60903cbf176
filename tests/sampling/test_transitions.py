import pytest
import torch

from genlatent.energy.machine import BoltzmannMachine
from genlatent.errors import RecipeError, Unsupported
from genlatent.sampling.driver import trace
from genlatent.sampling.transitions import TemperedTransitions
from tests.machines import Exact, rbm, ring, skewed
from tests.modes import CHAINS, in_both_modes, share_on, two_modes
from tests.statistics import assert_means


def test_transitions_leave_a_mode_that_gibbs_does_not(device):
    machine, generator = two_modes().to(device), torch.Generator(device).manual_seed(0)
    kernel = TemperedTransitions(machine, 12)
    state = kernel.init(CHAINS, generator)._replace(layers=in_both_modes(machine))
    on = trace(kernel, state, 60, observe=share_on, generator=generator)[1]["on"]
    assert ((on > 0.5).any(1) & (on < 0.5).any(1)).all()


def test_longer_ladders_are_accepted_more_often(device):
    machine, rates = skewed(rbm(), 0.8).to(device), []
    for rungs in (3, 30):
        kernel = TemperedTransitions(machine, rungs)
        state, _ = kernel.step(kernel.init(300))
        rates.append(kernel.step(state)[1]["acceptance"].mean())
    assert rates[1] > rates[0] + 0.2


def test_a_ladder_that_leads_nowhere_is_always_accepted(device):
    machine = rbm().to(device)
    with torch.no_grad():
        machine.W.zero_()
        machine.visible_base.copy_(machine.b)
        machine.hidden_base.copy_(machine.c)
    kernel = TemperedTransitions(machine, 5)
    assert kernel.step(kernel.init(50))[1]["acceptance"].allclose(torch.ones(50, device=device), atol=1e-5)


def test_clamped_conditionals(device):
    machine, generator = ring().to(device), torch.Generator(device).manual_seed(0)
    given = {"label": torch.tensor([1.0, float("nan")], device=device)}
    kernel = TemperedTransitions(machine, 3, given)
    draws = trace(kernel, kernel.init(200, generator), 60, burn_in=20, generator=generator)[1]
    assert_means(draws["visible"], Exact(machine, given=given).mean("visible").detach())


def test_bad_input_is_named(device):
    with pytest.raises(RecipeError, match=r"start from the coldest rung, 0\.5, which must be the temperature"):
        TemperedTransitions(rbm().to(device), (0.5, 1.0, 3.0), path="temperature")
    within = BoltzmannMachine({"visible": 4, "hidden": 2}, [("visible", "visible"), ("visible", "hidden")]).to(device)
    with pytest.raises(Unsupported, match="a layer is coupled within"):
        TemperedTransitions(within)
