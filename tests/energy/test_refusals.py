"""What no sampler of a machine can do is one sentence, not a number and not a traceback."""

import pytest
import torch

from genlatent import RBM, draw_exactly, log_partition
from genlatent.energy.conditional import ConditionalRBM
from genlatent.energy.general import GeneralBoltzmannMachine
from genlatent.energy.joint import JointEnergy
from genlatent.energy.neural import NeuralEnergy
from genlatent.energy.units import Gaussian
from genlatent.errors import DataError, Diverged, RecipeError, Unsupported
from genlatent.objectives.langevin import ContrastiveLangevin
from genlatent.sampling.driver import average
from genlatent.sampling.gradients import GibbsWithGradients

NAN = float("nan")


@pytest.mark.parametrize("temperature", [0.0, -1.0, NAN])
def test_temperatures_that_are_none(temperature, device):
    for ask in (log_partition, draw_exactly):
        with pytest.raises(RecipeError, match="temperature must be above 0"):
            ask(RBM(4, 3).to(device), *([5] if ask is draw_exactly else []), temperature=temperature)


@pytest.mark.parametrize("method", ["gibbs", "tempering"])
def test_a_machine_without_normaliser_does_not_answer_nan(method, device):
    machine = RBM(2, 2, Gaussian(), Gaussian()).to(device)
    with torch.no_grad():
        machine.W.copy_(3 * torch.eye(2, device=device))
    with pytest.raises(Diverged):
        machine.sample(5, steps=500, method=method, generator=torch.Generator(device).manual_seed(0))


@pytest.mark.parametrize("method", ["tempering", "tempered-transitions"])
@pytest.mark.parametrize("ladder", [5.0, None, [None, 1.0]])
def test_ladders_that_are_none(method, ladder, device):
    with pytest.raises(RecipeError, match="a whole number of rungs, or a list of them"):
        RBM(4, 3).to(device).kernel(method, ladder=ladder)


def test_arguments_that_a_kernel_does_not_take(device):
    with pytest.raises(RecipeError, match="tempering takes no argument 'leader'; did you mean 'ladder'"):
        RBM(4, 3).to(device).kernel("tempering", leader=5)
    with pytest.raises(RecipeError, match="gibbs takes no argument 'ladder'"):
        RBM(4, 3).to(device).kernel("gibbs", ladder=5)
    with pytest.raises(RecipeError, match="mala takes no argument 'leaps'"):
        NeuralEnergy((2,)).to(device).kernel("mala", leaps=5)
    with pytest.raises(RecipeError, match="hmc takes no argument 'machine'"):
        NeuralEnergy((2,)).to(device).kernel("hmc", machine=5)


@pytest.mark.parametrize("y", [1.5, [0, 1.5], NAN])
def test_classes_are_whole_numbers(y, device):
    model = JointEnergy((2,), 3).to(device)
    with pytest.raises(DataError, match="whole numbers from 0 to 2"):
        model.sample(2, given={"y": y}, steps=2)
    with pytest.raises(DataError, match="labels are class numbers"):
        model.check_labels(torch.as_tensor(y, device=device).reshape(-1))


def test_a_general_machine_has_a_mean_field_at_temperature_1_only(device):
    machine = GeneralBoltzmannMachine(4, 3).to(device)
    with pytest.raises(Unsupported, match="temperature 1"):
        machine.free_energy(torch.zeros(2, 4, device=device), beta=0.1)


def test_one_condition_serves_any_number_of_chains(device):
    machine = ConditionalRBM(4, 3, condition=3).to(device)
    for method in ("gibbs", "tempering"):
        generator = torch.Generator(device).manual_seed(0)
        assert machine.sample(5, given={"y": 2}, method=method, steps=20, generator=generator).shape == (5, 4)


def test_langevin_chains_do_not_move_bits(device):
    with pytest.raises(Unsupported, match="real values"):
        ContrastiveLangevin().init(RBM(4, 2).to(device), torch.zeros(5, 4, device=device))


def test_a_row_with_nothing_to_sample(device):
    given = torch.tensor([[0.0, 1.0], [NAN, 1.0]], device=device)
    with pytest.raises(DataError, match="nothing to sample"):
        GibbsWithGradients(lambda x: x.sum(1), (2,), given=given)


def test_classes_that_do_not_match_the_draws(device):
    with pytest.raises(DataError, match="2 classes for 5 draws"):
        JointEnergy((2,), 3).to(device).sample(5, given={"y": [0, 1]}, steps=2)


def test_an_average_counts_every_draw_once(device):
    """The observed tensor is the live buffer, which later steps overwrite."""
    machine = RBM(3, 2).to(device)
    kernel, seen = machine.gibbs(), []
    for how in (lambda s: s.layers["visible"], lambda s: s.layers["visible"].clone()):
        generator = torch.Generator(device).manual_seed(0)
        seen.append(average(kernel, kernel.init(4, generator), 7, how, generator=generator))
    assert torch.equal(*seen)
