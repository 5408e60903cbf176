import pytest
import torch

from genlatent.energy.gauge import fix_gauge
from genlatent.energy.machine import BoltzmannMachine
from genlatent.energy.rbm import RBM
from genlatent.energy.units import Categorical, Spin
from genlatent.numerics import devices
from tests.machines import skewed


def potts():
    return skewed(RBM((2, 3), 4, visible_units=Categorical(3), hidden_units=Spin()))


def both_sides():
    return skewed(RBM((2, 3), 4, visible_units=Categorical(3), hidden_units=Categorical(2)))


def fully_visible():
    return skewed(BoltzmannMachine({"visible": (3, 3)}, [("visible", "visible")], {"visible": Categorical(3)}))


@pytest.fixture(params=[potts, both_sides, fully_visible])
def machine(request, device):
    return request.param().to(device).double()


def states(machine):
    sites = [torch.arange(3)] * (machine.sizes["visible"] // 3)
    return torch.eye(3).double()[torch.cartesian_prod(*sites)].flatten(1).to(devices.of(machine))


def probabilities(machine, beta):
    theta = machine.theta()._replace(biases={n: beta * b for n, b in machine.theta().biases.items()})
    theta = theta._replace(couplings={pair: beta * w for pair, w in theta.couplings.items()})
    return (-machine.free_energy(states(machine), theta=theta)).softmax(0)


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_no_probability_changes(machine, beta):
    before = probabilities(machine, beta)
    fix_gauge(machine)
    assert torch.allclose(probabilities(machine, beta), before, atol=1e-12, rtol=0)


def test_biases_and_couplings_sum_to_zero(machine):
    assert max(sums(machine)) > 0.1
    fix_gauge(machine)
    assert max(sums(machine)) < 1e-12


def sums(machine):
    theta = machine.theta()
    for (a, b), w in theta.couplings.items():
        for side, name in ((w, a), (w.mT, b)):
            width = machine.units[name].width
            if width > 1:
                yield side.unflatten(0, (-1, width)).sum(1).abs().max().item()
                yield theta.biases[name].unflatten(0, (-1, width)).sum(1).abs().max().item()


def test_twice_is_once(machine):
    fix_gauge(machine)
    before = {name: tensor.clone() for name, tensor in machine.state_dict().items()}
    fix_gauge(machine)
    for name, tensor in machine.state_dict().items():
        assert torch.allclose(tensor, before[name], atol=1e-12, rtol=0), name


def test_other_machines_are_left_alone(device):
    machine = skewed(RBM(3, 2)).to(device)
    before = {name: tensor.clone() for name, tensor in machine.state_dict().items()}
    fix_gauge(machine)
    assert all(torch.equal(tensor, before[name]) for name, tensor in machine.state_dict().items())
