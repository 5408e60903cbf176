"""Mean field against sums over all hidden states: a bound for every machine, exact where nothing is approximated."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.fx.experimental.proxy_tensor import make_fx

from genlatent.energy import mean_field
from genlatent.energy.machine import BoltzmannMachine
from genlatent.energy.units import Gaussian
from genlatent.errors import RecipeError, Unsupported
from genlatent.sampling import mean_field as sweeps
from tests.machines import MACHINES, Exact, deep, rbm, skewed


def gaussian_top():
    couplings = [("visible", "hidden"), ("hidden", "top")]
    return skewed(BoltzmannMachine({"visible": 4, "hidden": 3, "top": 2}, couplings, {"top": Gaussian()}), 0.5)


HIDDEN = {name: make for name, make in MACHINES.items() if len(make().layers) > 1} | {"gaussian-top": gaussian_top}
SIMPLE = ("rbm", "spins", "masked", "potts")  # hidden layers that are not coupled to each other


@pytest.fixture(params=HIDDEN)
def machine(request, device):
    return HIDDEN[request.param]().to(device).double()


def all_data(device, machine):
    """Every state of the data layer."""
    unit, size = machine.units[machine.data], machine.sizes[machine.data]
    sites = itertools.product(unit.alternatives, repeat=size // unit.width)
    return torch.tensor([sum(site, ()) for site in sites], dtype=torch.float64, device=device)


def gap(machine, v, q):
    """How far the variational free energy lies above the exact one."""
    given = {machine.data: v}
    return sweeps.variational_free_energy(machine, given, q) + machine.log_sum(given)


@given(st.sampled_from(list(HIDDEN)), st.integers(0, 10**6), st.floats(0.1, 3), st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_the_bound_lies_below_after_any_number_of_sweeps(device, name, seed, scale, count):
    machine = skewed(HIDDEN[name]().double(), 0.4 * scale if name == "gaussian-top" else scale, seed).to(device)
    v = all_data(device, machine)
    found = gap(machine, v, sweeps.mean_field(machine, {machine.data: v}, count))
    assert found.min() > -1e-8


def test_it_is_tight_where_hidden_layers_are_not_coupled(machine, device):
    with torch.no_grad():
        for a, b in machine.couplings:
            if machine.data not in (a, b):
                machine.get_parameter(f"{a}_{b}_weight").zero_()
    v = all_data(device, machine)
    assert gap(machine, v, mean_field.posterior(machine, v)).abs().max() < 1e-9


def test_it_is_not_tight_where_they_are(device):
    for name in set(HIDDEN) - set(SIMPLE):
        machine = HIDDEN[name]().to(device).double()
        v = all_data(device, machine)
        assert gap(machine, v, mean_field.posterior(machine, v)).max() > 1e-4, name


def test_the_free_energy_is_the_mean_energy_less_the_entropy(device):
    machine = deep().to(device).double()
    exact = Exact(machine)
    v = all_data(device, machine)
    q = mean_field.posterior(machine, v)
    for row in range(len(v)):
        here = (exact.states["visible"] == v[row]).all(1)
        log_q = torch.zeros(int(here.sum()), dtype=torch.float64, device=device)
        for name, field in q.fields.items():
            s, unit = exact.states[name][here], machine.units[name]
            log_q += s @ field[row] - unit.cumulant(field[row]).sum()
        assert abs(log_q.exp().sum() - 1) < 1e-10
        expected = log_q.exp() @ (exact.energy[here] + log_q)
        found = mean_field.free_energy(machine, v[row : row + 1])
        assert abs(found - expected) < 1e-6  # the summed layer is one sweep ahead


def test_every_sweep_tightens_the_bound(device):
    for make in (deep, MACHINES["ring"], gaussian_top):
        machine = make().to(device).double()
        v = all_data(device, machine)
        gaps = [gap(machine, v, sweeps.mean_field(machine, {machine.data: v}, n)) for n in range(1, 12)]
        assert all((later <= earlier + 1e-10).all() for earlier, later in itertools.pairwise(gaps))


def test_settled_means_are_the_means_of_their_fields(machine, device):
    v = all_data(device, machine)
    q = mean_field.posterior(machine, v)
    assert q.change.max() < mean_field.TOLERANCE
    for name, mean in q.means.items():
        field = machine.field(name, {machine.data: v, **q.means})
        assert (machine.units[name].mean(field) - mean).abs().max() < 10 * mean_field.TOLERANCE


def test_what_has_not_settled_says_so(device):
    machine = deep().to(device).double()
    v = all_data(device, machine)
    assert sweeps.settled(machine, {"visible": v}, tolerance=1e-9, most=2).change.max() > 1e-9
    assert sweeps.settled(machine, {"visible": v}, tolerance=1e-9).change.max() <= 1e-9


def test_any_layer_may_be_given(machine):
    name = list(machine.layers)[-1]
    q = sweeps.settled(machine, {name: machine.offsets()[name].expand(3, -1)})
    assert set(q.means) == set(machine.layers) - {name}
    assert all(torch.equal(mean[0], mean[2]) for mean in q.means.values())


def test_it_can_be_traced(machine, device):
    def settle(v):
        q = sweeps.mean_field(machine, {machine.data: v}, 3)
        return sweeps.variational_free_energy(machine, {machine.data: v}, q)

    v = all_data(device, machine)
    graph = make_fx(settle, tracing_mode="fake", _allow_non_fake_inputs=True)(v)
    assert torch.equal(graph(v.flip(0)), settle(v.flip(0)))


def test_bound_of_a_deep_machine(device):
    machine = deep().to(device).double()
    v = all_data(device, machine)
    below, exact = mean_field.bound(machine, v), machine.log_prob(v)
    assert (below <= exact + 1e-9).all()
    assert below.exp().sum() < 1 < 1.2 * below.exp().sum()


def exact_sites(machine, v):
    total = 0.0
    for site in range(v.shape[1]):
        other = v.clone()
        other[:, site] = sum(machine.units[machine.data].values) - other[:, site]
        total = total - (1 + (machine.log_prob(other) - machine.log_prob(v)).exp()).log()
    return total


@pytest.mark.parametrize("name", ["rbm", "spins"])
def test_pseudo_likelihood_is_exact_where_mean_field_is(name, device):
    machine = HIDDEN[name]().to(device).double()
    v = all_data(device, machine)
    assert torch.allclose(mean_field.pseudo_likelihood(machine, v), machine.pseudo_likelihood(v))
    assert torch.allclose(mean_field.pseudo_likelihood(machine, v, 4), machine.pseudo_likelihood(v, every=4))


def test_pseudo_likelihood_of_a_deep_machine_is_near_the_exact_one(device):
    machine = skewed(deep().double(), 0.5).to(device)
    v = all_data(device, machine)
    exact = exact_sites(machine, v)
    error = mean_field.pseudo_likelihood(machine, v) - exact
    assert error.abs().max() < 0.1 * (exact.max() - exact.min())
    assert len(mean_field.pseudo_likelihood(machine, v[:0])) == 0


def test_pseudo_likelihood_refuses(device):
    with pytest.raises(RecipeError, match="every must lie between 1 and 6"):
        mean_field.pseudo_likelihood(rbm().to(device), torch.zeros(1, 6, device=device), 7)
    with pytest.raises(Unsupported, match="two values"):
        mean_field.pseudo_likelihood(rbm(visible_units=Gaussian()).to(device), torch.zeros(1, 6, device=device))
