"""RBMs over every ordered pair of units, against sums and integrals over all their joint states."""

import itertools
import math

import numpy as np
import pytest
import torch

from genlatent.energy.rbm import RBM
from genlatent.energy.units import Bernoulli, Categorical, Gaussian, ReLU, Spin
from genlatent.errors import Unsupported
from genlatent.numerics import devices
from genlatent.sampling.driver import trace
from genlatent.sampling.gibbs import BlockGibbs
from tests.machines import skewed
from tests.statistics import assert_means

KINDS = {
    "bernoulli": (Bernoulli, 2),
    "spin": (Spin, 2),
    "categorical": (lambda: Categorical(3), 6),
    "gaussian": (lambda: Gaussian(0.8), 2),
    "relu": (ReLU, 2),
}
TEMPERATURES = (0.5, 1.0, 3.0)
NODES = 34


def machine_of(device, visible, hidden):
    """Skewed parameters, with couplings small enough for unbounded pairs to be normalised at every temperature."""
    (v, nv), (h, nh) = KINDS[visible], KINDS[hidden]
    machine = skewed(RBM(nv, nh, visible_units=v(), hidden_units=h())).to(device).double()
    unbounded = {visible, hidden} <= {"gaussian", "relu"}
    with torch.no_grad():
        machine.visible_hidden_weight.mul_(0.15 if unbounded else 0.5)
        machine.visible_bias.mul_(0.5)
        machine.hidden_bias.mul_(0.5)
    return machine


@pytest.fixture(params=itertools.product(KINDS, KINDS), ids="-".join)
def machine(request, device):
    return machine_of(device, *request.param)


def nodes(unit, num_units):
    """States of a layer and the log weight of each in a sum, or in an integral by Gauss and Legendre."""
    if unit.alternatives is not None:
        rows = list(itertools.product(unit.alternatives, repeat=num_units // unit.width))
        states = torch.tensor(rows, dtype=torch.float64).flatten(1)
        return states, torch.zeros(len(states), dtype=torch.float64)
    low, high = (0.0, 10.0) if unit.support == "non-negative" else (-8.0, 8.0)
    points, weights = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(NODES))
    points, weights = low + (high - low) * (points + 1) / 2, weights * (high - low) / 2
    grids = [torch.cartesian_prod(*[part] * num_units) for part in (points, weights)]
    return grids[0], grids[1].log().sum(1)


class Joint:
    """All joint states of an RBM as a table `(visible, hidden)`, from the definition of the energy."""

    def __init__(self, machine, beta=1.0):
        here = devices.of(machine)
        self.v, self.log_v = (part.to(here) for part in nodes(machine.visible_units, machine.sizes["visible"]))
        self.h, self.log_h = (part.to(here) for part in nodes(machine.hidden_units, machine.sizes["hidden"]))
        inner = (self.v @ machine.b)[:, None] + (self.h @ machine.c)[None] + self.v @ machine.W @ self.h.T
        own = machine.visible_units.base_energy(self.v)[:, None] + machine.hidden_units.base_energy(self.h)[None]
        self.minus_energy = beta * inner - own
        weight = self.minus_energy + self.log_v[:, None] + self.log_h[None]
        self.log_partition = weight.flatten().logsumexp(0)
        self.p = (weight - self.log_partition).exp()


def test_energy_and_free_energy(machine, device):
    joint = Joint(machine, beta=2.0)
    some = torch.randperm(len(joint.v), device=device)[:50]
    pairs = {"visible": joint.v[some], "hidden": joint.h[some % len(joint.h)]}
    expected = -joint.minus_energy[some, some % len(joint.h)]
    assert torch.allclose(machine.energy(pairs, beta=2.0), expected, atol=1e-9)
    inside = joint.v.abs().amax(1) < 4  # so that what they let the hidden units be lies within the nodes
    summed = -(joint.minus_energy + joint.log_h).logsumexp(1)
    assert torch.allclose(machine.free_energy(joint.v, beta=2.0)[inside], summed[inside], atol=1e-7)


def test_conditionals_are_the_exact_ones(machine):
    joint = Joint(machine)
    inside = joint.v.abs().amax(1) < 4
    given_v = (joint.minus_energy + joint.log_h).softmax(1) @ joint.h
    found = machine.hidden_units.mean(machine.field("hidden", {"visible": joint.v}))
    assert torch.allclose(found[inside], given_v[inside], atol=1e-7)
    inside = joint.h.abs().amax(1) < 4
    given_h = (joint.minus_energy + joint.log_v[:, None]).softmax(0).T @ joint.v
    found = machine.visible_units.mean(machine.field("visible", {"hidden": joint.h}))
    assert torch.allclose(found[inside], given_h[inside], atol=1e-7)


def test_log_partition_where_a_side_can_be_listed(machine):
    finite = [unit.alternatives is not None for unit in (machine.visible_units, machine.hidden_units)]
    if any(finite):
        for beta in (1.0, 2.0):
            expected = Joint(machine, beta).log_partition
            assert abs(machine.log_partition_exact(beta=beta) - expected) < 1e-7
    else:
        with pytest.raises(Unsupported, match="infinitely many"):
            machine.log_partition_exact()


def test_gradient_is_the_difference_of_moments(machine):
    """Of ln Z by automatic differentiation of the sum over free energies, against the moments of the table."""
    joint = Joint(machine)
    parameters = [machine.b, machine.c, machine.W]
    log_z = (-machine.free_energy(joint.v) + joint.log_v).logsumexp(0)
    found = torch.autograd.grad(log_z, parameters)
    p = joint.p.detach()
    expected = (p.sum(1) @ joint.v, p.sum(0) @ joint.h, joint.v.T @ p @ joint.h)
    for one, other in zip(found, expected):
        assert torch.allclose(one, other, atol=1e-6)


def test_gibbs_marginals_at_three_temperatures(machine, device):
    each = 60
    temperature = torch.tensor(TEMPERATURES, dtype=torch.float64, device=device).repeat_interleave(each)
    kernel = BlockGibbs(machine, temperature=temperature)
    generator = torch.Generator(device).manual_seed(11)
    state = kernel.init(len(temperature), generator)
    _, draws = trace(kernel, state, 120, burn_in=40, thin=2, generator=generator)
    for i, t in enumerate(TEMPERATURES):
        joint = Joint(machine, 1 / t)
        part = slice(i * each, (i + 1) * each)
        for name, states, p in (("visible", joint.v, joint.p.sum(1)), ("hidden", joint.h, joint.p.sum(0))):
            drawn = draws[name][part]
            assert_means(drawn, (p @ states).detach())
            assert_means(drawn.square(), (p @ states.square()).detach())


def test_learned_scales_have_the_gradient_of_the_likelihood(device):
    """With log sigma a parameter of either side, the free-energy difference carries its exact gradient."""
    machine = (
        skewed(RBM(2, 2, visible_units=Gaussian(learned=True), hidden_units=Gaussian(learned=True)), 0.2)
        .to(device)
        .double()
    )
    with torch.no_grad():
        machine.hidden_units.log_sigma.add_(0.2)
    joint = Joint(machine)
    scales = [machine.visible_units.log_sigma, machine.hidden_units.log_sigma]
    exact = torch.autograd.grad(joint.log_partition, scales)
    free = (joint.p.sum(1).detach() * -machine.free_energy(joint.v)).sum()
    for one, other in zip(torch.autograd.grad(free, scales), exact):
        assert torch.allclose(one, other, atol=1e-6)


def test_a_pair_of_gaussians_against_the_closed_form(device):
    machine = machine_of(device, "gaussian", "gaussian")
    s2 = torch.full((4,), 0.64, dtype=torch.float64, device=device)
    off = torch.zeros(4, 4, dtype=torch.float64, device=device)
    off[:2, 2:] = machine.W
    precision = s2.reciprocal().diag() - off - off.T
    field = torch.cat((machine.b, machine.c))
    expected = field @ precision.inverse() @ field / 2 + 2 * math.log(2 * math.pi) - precision.logdet() / 2
    assert abs(Joint(machine).log_partition - expected) < 1e-8
