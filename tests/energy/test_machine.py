import pytest
import torch

from genlatent.components import build, describe
from genlatent.energy.enumeration import log_partition
from genlatent.energy.machine import BoltzmannMachine
from genlatent.errors import DataError, RecipeError, Unsupported
from tests.machines import MACHINES, Exact, deep, rbm, ring

CLIMATES = [(1.0, 1.0), (0.5, 1.0), (3.0, 1.0), (1.0, 0.3), (2.0, 0.0)]


@pytest.fixture(params=MACHINES)
def machine(request):
    return MACHINES[request.param]().double()


@pytest.mark.parametrize(("beta", "lam"), CLIMATES)
def test_energy_is_the_definition_s(machine, beta, lam):
    exact = Exact(machine, beta, lam)
    assert torch.allclose(machine.energy(exact.states, beta=beta, lam=lam), exact.energy, atol=1e-10, rtol=0)


@pytest.mark.parametrize(("beta", "lam"), CLIMATES)
def test_field_gives_the_exact_conditional(machine, beta, lam):
    exact = Exact(machine, beta, lam)
    for name in machine.layers:
        others = {other: s for other, s in exact.states.items() if other != name}
        mean = machine.units[name].mean(machine.field(name, others, beta=beta, lam=lam))
        key = torch.cat(list(others.values()), 1)
        _, group = torch.unique(key, dim=0, return_inverse=True)
        weight = torch.zeros(int(group.max()) + 1, dtype=torch.float64).index_add(0, group, exact.probability)
        total = torch.zeros(len(weight), mean.shape[1], dtype=torch.float64)
        total.index_add_(0, group, exact.probability.unsqueeze(1) * exact.states[name])
        assert torch.allclose(mean, (total / weight.unsqueeze(1))[group], atol=1e-10, rtol=0)


def test_each_chain_has_its_own_climate(machine):
    exact = Exact(machine)
    rows = torch.arange(len(CLIMATES)) * 7 % len(exact.energy)
    state = {name: s[rows] for name, s in exact.states.items()}
    beta, lam = torch.tensor(CLIMATES, dtype=torch.float64).unbind(1)
    together = machine.energy(state, beta=beta, lam=lam)
    fields = {name: machine.field(name, state, beta=beta, lam=lam) for name in machine.layers}
    for i, (b, m) in enumerate(CLIMATES):
        one = {name: s[i : i + 1] for name, s in state.items()}
        assert torch.allclose(machine.energy(one, beta=b, lam=m), together[i : i + 1])
        for name, field in fields.items():
            assert torch.allclose(machine.field(name, one, beta=b, lam=m), field[i : i + 1])


@pytest.mark.parametrize(("beta", "lam"), CLIMATES)
@pytest.mark.parametrize("make", [rbm, deep])
def test_log_partition_and_reduced_energy(make, beta, lam):
    machine = make().double()
    exact = Exact(machine, beta, lam)
    assert abs(log_partition(machine, beta=beta, lam=lam) - exact.log_partition) < 1e-10
    states, log_p = exact.marginal("hidden")
    energy, _ = machine.reduced_energy({"hidden": states}, beta=beta, lam=lam)
    assert torch.allclose(-energy - exact.log_partition, log_p, atol=1e-10, rtol=0)


def test_layers_coupled_to_each_other_are_not_summed_out():
    machine = deep()
    with pytest.raises(Unsupported, match="hidden and top are coupled"):
        machine.reduced_energy({"visible": torch.zeros(1, 4)})


def test_blocks_are_never_coupled_inside(machine):
    for block in machine.blocks:
        assert not any(a in block and b in block for a, b in machine.couplings)
    assert machine.data in machine.blocks[-1]


def test_described_and_rebuilt(machine):
    other = build(describe(machine)).double()
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


def test_exact_log_partition_refuses_what_it_cannot_do():
    with pytest.raises(Unsupported, match="up to 25 units; the smaller side has 26"):
        log_partition(BoltzmannMachine({"a": 30, "b": 26}, [("a", "b")]))
    with pytest.raises(Unsupported, match="ring"):
        log_partition(ring())


@pytest.mark.parametrize(
    ("layers", "couplings", "sentence"),
    [
        ({"v": 3, "h": 0}, [("v", "h")], "h must be at least 1, got 0"),
        ({"v": (1, -2), "h": 2}, [("v", "h")], r"v must be at least 1, got \(1, -2\)"),
        ({"v": 3, "h": 2}, [("v", "w")], "names no layer; layers: v, h"),
        ({"v": 3, "h": 2}, [("v", "v")], "two different layers"),
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
def test_given_values_that_are_refused(given, sentence):
    with pytest.raises((DataError, RecipeError), match=sentence):
        rbm().sample(3, given=given, steps=1)


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
