import pytest
import torch

from genlatent.components import build, describe
from genlatent.energy.enumeration import log_partition
from genlatent.energy.machine import BoltzmannMachine
from genlatent.energy.rbm import RBM
from genlatent.energy.units import Gaussian
from genlatent.errors import DataError, RecipeError, Unsupported
from tests.machines import MACHINES, WITHIN, Exact, deep, rbm

CLIMATES = [(1.0, 1.0), (0.5, 1.0), (3.0, 1.0), (1.0, 0.3), (2.0, 0.0)]


@pytest.fixture(params=MACHINES)
def machine(request, device):
    return MACHINES[request.param]().to(device).double()


@pytest.mark.parametrize(("beta", "lam"), CLIMATES)
def test_energy_is_the_definition_s(machine, beta, lam):
    exact = Exact(machine, beta, lam)
    assert torch.allclose(machine.energy(exact.states, beta=beta, lam=lam), exact.energy, atol=1e-10, rtol=0)


@pytest.mark.parametrize(("beta", "lam"), CLIMATES)
def test_field_gives_the_exact_conditional(machine, beta, lam):
    exact = Exact(machine, beta, lam)
    for name in machine.layers:
        if (name, name) not in machine.couplings:
            others = {other: s for other, s in exact.states.items() if other != name}
            mean = machine.units[name].mean(machine.field(name, others, beta=beta, lam=lam))
            expected = conditional_mean(exact, exact.states[name], torch.cat(list(others.values()), 1))
            assert torch.allclose(mean, expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize(("beta", "lam"), CLIMATES)
@pytest.mark.parametrize("make", WITHIN.values(), ids=WITHIN)
def test_field_within_a_layer_gives_the_exact_conditional_of_each_site(make, beta, lam, device):
    machine = make().to(device).double()
    exact, (name, *_) = Exact(machine, beta, lam), machine.colours
    unit, joint = machine.units[name], torch.cat(list(exact.states.values()), 1)
    mean = unit.mean(machine.field(name, exact.states, beta=beta, lam=lam))
    first = sum(machine.sizes[other] for other in list(machine.layers)[: list(machine.layers).index(name)])
    for site in range(0, machine.sizes[name], unit.width):
        own = slice(site, site + unit.width)
        others = torch.cat((joint[:, : first + own.start], joint[:, first + own.stop :]), 1)
        expected = conditional_mean(exact, exact.states[name][:, own], others)
        assert torch.allclose(mean[:, own], expected, atol=1e-10, rtol=0)


def conditional_mean(exact, of, given):
    """For each state the mean of some units given the others."""
    _, group = torch.unique(given, dim=0, return_inverse=True)
    weight = of.new_zeros(int(group.max()) + 1).index_add(0, group, exact.probability)
    total = of.new_zeros(len(weight), of.shape[1])
    total.index_add_(0, group, exact.probability.unsqueeze(1) * of)
    return (total / weight.unsqueeze(1))[group]


def test_each_chain_has_its_own_climate(machine, device):
    exact = Exact(machine)
    rows = torch.arange(len(CLIMATES), device=device) * 7 % len(exact.energy)
    state = {name: s[rows] for name, s in exact.states.items()}
    beta, lam = torch.tensor(CLIMATES, dtype=torch.float64, device=device).unbind(1)
    together = machine.energy(state, beta=beta, lam=lam)
    fields = {name: machine.field(name, state, beta=beta, lam=lam) for name in machine.layers}
    for i, (b, m) in enumerate(CLIMATES):
        one = {name: s[i : i + 1] for name, s in state.items()}
        assert torch.allclose(machine.energy(one, beta=b, lam=m), together[i : i + 1])
        for name, field in fields.items():
            assert torch.allclose(machine.field(name, one, beta=b, lam=m), field[i : i + 1])


@pytest.mark.parametrize(("beta", "lam"), CLIMATES)
def test_log_partition_is_the_sum_over_all_states(machine, beta, lam):
    assert abs(log_partition(machine, beta=beta, lam=lam) - Exact(machine, beta, lam).log_partition) < 1e-10


def test_log_prob_is_the_exact_marginal(machine):
    states, log_p = Exact(machine).marginal(machine.data)
    assert torch.allclose(machine.log_prob(states), log_p, atol=1e-10, rtol=0)


@pytest.mark.parametrize(("beta", "lam"), CLIMATES)
def test_energy_of_the_layers_kept_when_others_are_summed_out(machine, beta, lam):
    exact = Exact(machine, beta, lam)
    kept = {name: s for name, s in exact.states.items() if name not in machine.summed}
    energy, fields = machine.reduced_energy(kept, beta=beta, lam=lam)
    assert set(fields) == set(machine.summed)
    _, group = torch.unique(torch.cat(list(kept.values()), 1), dim=0, return_inverse=True)
    total = energy.new_zeros(int(group.max()) + 1).index_add(0, group, exact.probability)
    assert torch.allclose(-energy - exact.log_partition, total[group].log(), atol=1e-10, rtol=0)


@pytest.mark.parametrize(("beta", "lam"), CLIMATES)
@pytest.mark.parametrize("make", [rbm, deep])
def test_either_side_can_be_summed_out(make, beta, lam):
    machine = make().double()
    exact = Exact(machine, beta, lam)
    states, log_p = exact.marginal("hidden")
    energy, _ = machine.reduced_energy({"hidden": states}, beta=beta, lam=lam)
    assert torch.allclose(-energy - exact.log_partition, log_p, atol=1e-10, rtol=0)


def test_layers_coupled_to_each_other_are_not_summed_out(device):
    machine = deep().to(device)
    with pytest.raises(Unsupported, match="hidden and top are coupled"):
        machine.reduced_energy({"visible": torch.zeros(1, 4, device=device)})


def test_blocks_are_never_coupled_inside(machine):
    for block in machine.blocks:
        assert not any(a in block and b in block for a, b in machine.couplings if a != b)
    assert machine.data in machine.blocks[-1]


def test_described_and_rebuilt(machine, device):
    other = build(describe(machine)).to(device).double()
    other.load_state_dict(machine.state_dict())
    exact = Exact(machine)
    assert torch.equal(other.energy(exact.states), machine.energy(exact.states))
    assert describe(other) == describe(machine)


def test_prepare_sets_base_rates_and_leaves_trained_biases(device):
    machine = BoltzmannMachine({"visible": (1, 2, 2), "hidden": 3}, [("visible", "hidden")]).to(device)
    x = torch.tensor([[1.0, 0, 0, 1], [1, 0, 1, 0]], device=device).reshape(2, 1, 2, 2)
    machine.prepare(x)
    expected = torch.tensor([0.99, 0.01, 0.5, 0.5], device=device).logit()
    assert torch.allclose(machine.visible_bias, expected)
    assert torch.allclose(machine.visible_base, expected)
    assert torch.equal(machine.visible_offset, torch.tensor([1.0, 0, 0.5, 0.5], device=device))
    machine.prepare(1 - x)
    assert torch.allclose(machine.visible_bias, expected)
    assert torch.allclose(machine.visible_base, -expected)


def test_exact_log_partition_refuses_what_it_cannot_do(device):
    with pytest.raises(Unsupported, match="up to 25 units; the smaller side has 26"):
        log_partition(BoltzmannMachine({"a": 30, "b": 26}, [("a", "b")]).to(device))
    with pytest.raises(Unsupported, match="infinitely many"):
        log_partition(RBM(3, 2, visible_units=Gaussian(), hidden_units=Gaussian()).to(device))


@pytest.mark.parametrize(
    ("layers", "couplings", "sentence"),
    [
        ({"v": 3, "h": 0}, [("v", "h")], "h must be at least 1, got 0"),
        ({"v": (1, -2), "h": 2}, [("v", "h")], r"v must be at least 1, got \(1, -2\)"),
        ({"v": 3, "h": 2}, [("v", "w")], "names no layer; layers: v, h"),
        ({"v": 3}, [("v", "v"), ("v", "v")], "coupled once"),
        ({"v": 3, "h": 2}, [("v", "h"), ("h", "v")], "coupled once"),
        ({"x": 3, "h": 2}, [("x", "h")], "cannot be called 'x'"),
    ],
)
def test_shapes_that_are_refused(layers, couplings, sentence):
    with pytest.raises(RecipeError, match=sentence):
        BoltzmannMachine(layers, couplings)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"x": torch.zeros(1, 6)}, "leaves nothing to sample"),
        ({"x": torch.full((6,), 0.5)}, "given x: 0.5 in row 0, column 0 is not binary"),
        ({"x": torch.full((5,), float("nan"))}, "no row of 6 values"),
        ({"x": 1}, "no row of 6 values"),
        ({"x": torch.full((2, 6), float("nan"))}, "2 rows for 3 chains"),
        ({"y": torch.zeros(6)}, "cannot be conditioned on 'y'; it knows: x, hidden"),
    ],
)
def test_given_values_that_are_refused(given, sentence, device):
    with pytest.raises((DataError, RecipeError), match=sentence):
        rbm().to(device).sample(3, given=given, steps=1)


def test_verbs_keep_the_shape_of_the_data(device):
    machine = BoltzmannMachine({"visible": (1, 2, 3), "hidden": 2}, [("visible", "hidden")]).to(device)
    assert machine.sample(4, steps=3).shape == (4, 1, 2, 3)
    draws = machine.trace(5, chains=2, burn_in=1)
    assert {name: tuple(value.shape) for name, value in draws.values.items()} == {
        "x": (2, 5, 1, 2, 3),
        "hidden": (2, 5, 2),
        "energy": (2, 5),
    }
    half = torch.tensor([1.0, 0, float("nan")], device=device).repeat(2).reshape(1, 2, 3)
    drawn = machine.sample(4, given={"x": half}, steps=3)
    assert torch.equal(drawn[..., :2], half[..., :2].expand(4, 1, 2, 2))
    assert machine.impute(half.unsqueeze(0), draws=3, burn_in=1).shape == (1, 1, 2, 3)
