import pytest
import torch

from genlatent.energy.layout import Theta
from genlatent.objectives.centring import centred
from tests.machines import MACHINES, rbm


def reparametrised(theta, mu):
    """Values equal to theta's, whose plain gradient is the centred one: `J J'` written out in parameters."""
    old = {name: b.detach() for name, b in theta.biases.items()}
    db = {name: b - old[name] for name, b in theta.biases.items()}
    change = {}
    for (k, m), w in theta.couplings.items():
        both = torch.outer(db[k], mu[m]) + torch.outer(mu[k], db[m])
        change[k, m] = w - w.detach() - (both / 2 if k == m else both) * theta.masks.get((k, m), 1.0)
    biases = {name: old[name] + db[name] for name in old}
    for (k, m), dw in change.items():
        biases[k] = biases[k] - dw @ mu[m]
        biases[m] = biases[m] - (mu[k] @ dw if k != m else 0)
    return Theta(biases, {pair: w.detach() + change[pair] for pair, w in theta.couplings.items()})


def some_function(device, machine, theta):
    """Anything that depends on every parameter without symmetry: the energy of a few states, squared."""
    generator = torch.Generator(device).manual_seed(2)
    state = {name: torch.rand(9, n, generator=generator, device=device).double() for name, n in machine.sizes.items()}
    return machine.energy(state, theta=theta).square().mean()


@pytest.mark.parametrize("make", MACHINES.values(), ids=MACHINES)
def test_gradient_is_that_of_the_centred_parametrisation(make, device):
    machine = make().to(device).double()
    mu, parameters = machine.offsets(), list(machine.parameters())
    one = some_function(device, machine, centred(machine.theta(), mu))
    two = some_function(device, machine, reparametrised(machine.theta(), mu))
    assert torch.equal(one, some_function(device, machine, machine.theta()))
    for a, b in zip(torch.autograd.grad(one, parameters), torch.autograd.grad(two, parameters)):
        assert torch.allclose(a, b, atol=1e-10, rtol=1e-12)


@pytest.mark.parametrize("make", MACHINES.values(), ids=MACHINES)
def test_a_small_centred_step_still_descends(make, device):
    machine = make().to(device).double()
    plain = torch.autograd.grad(some_function(device, machine, machine.theta()), list(machine.parameters()))
    bent = torch.autograd.grad(
        some_function(device, machine, centred(machine.theta(), machine.offsets())), list(machine.parameters())
    )
    assert sum((a * b).sum() for a, b in zip(plain, bent)) > 0


def test_a_coupling_that_does_not_learn_bends_nothing(device):
    """The gradient of the others is the centred one of a machine that has this coupling for a part of its energy."""
    machine = MACHINES["deep"]().to(device).double()
    fixed, mu = machine.couplings[0], machine.offsets()
    machine.get_parameter(f"{fixed[0]}_{fixed[1]}_weight").requires_grad_(False)
    learned = [p for p in machine.parameters() if p.requires_grad]

    def apart(theta, mu):
        moved = reparametrised(theta._replace(couplings={p: w for p, w in theta.couplings.items() if p != fixed}), mu)
        return theta._replace(biases=moved.biases, couplings={fixed: theta.couplings[fixed]} | moved.couplings)

    one = some_function(device, machine, centred(machine.theta(), mu))
    two = some_function(device, machine, apart(machine.theta(), mu))
    for a, b in zip(torch.autograd.grad(one, learned), torch.autograd.grad(two, learned)):
        assert torch.allclose(a, b, atol=1e-10, rtol=1e-12)


def test_offsets_of_zero_change_nothing(device):
    machine = rbm().to(device).double()
    zero = {name: torch.zeros_like(o) for name, o in machine.offsets().items()}
    one = torch.autograd.grad(
        some_function(device, machine, centred(machine.theta(), zero)), list(machine.parameters())
    )
    two = torch.autograd.grad(some_function(device, machine, machine.theta()), list(machine.parameters()))
    for a, b in zip(one, two):
        assert torch.equal(a, b)
