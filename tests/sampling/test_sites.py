import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from genlatent.energy.machine import BoltzmannMachine
from genlatent.energy.masks import Lattice
from genlatent.energy.units import Bernoulli, Categorical, Spin
from genlatent.sampling import site_sweep, sites
from genlatent.sampling.driver import run
from genlatent.sampling.gibbs import BlockGibbs
from tests.machines import WITHIN, Exact, skewed

CHAINS, SWEEPS = 8000, 100
FALSE_ALARM = 1e-6

NAN = float("nan")


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def joint(layers):
    """All units side by side, and all products of two of them."""
    s = torch.cat([s.double() for s in layers.values()], 1)
    return torch.cat((s, (s.unsqueeze(2) * s.unsqueeze(1)).flatten(1)), 1)


def assert_drawn_from(layers, exact):
    """Independent chains: every first and second moment lies where the exact distribution puts it."""
    seen, table = joint(layers), joint(exact.states)
    mean = exact.probability @ table
    error = (exact.probability @ table.square() - mean.square()).clamp(min=0).sqrt() / len(seen) ** 0.5
    bound = norm.isf(FALSE_ALARM / 2) * error + 1e-9 + 1 / len(seen) * (error == 0)
    worst = ((seen.mean(0) - mean).abs() / bound).max()
    assert worst < 1, f"{float(worst):.2f} times the bound"


def ends(kernel, device, beta=None, lam=None, chains=CHAINS, sweeps=SWEEPS, seed=0):
    """States of many chains after many sweeps in place, from base rates."""
    generator = torch.Generator(device).manual_seed(seed)
    state = kernel.init(chains, generator)
    state = state._replace(beta=state.beta if beta is None else beta, lam=lam)
    runner = kernel.runner(state, generator)
    runner.advance(sweeps)
    return {name: s.cpu() for name, s in runner.state.layers.items()}


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("name", WITHIN)
def test_sweeps_reach_the_exact_distribution(name, temperature, device):
    machine = WITHIN[name]().to(device)
    layers = ends(BlockGibbs(machine, temperature=temperature), device)
    assert_drawn_from(layers, Exact(machine.cpu(), 1 / temperature))


@pytest.mark.parametrize("name", WITHIN)
def test_steps_reach_the_exact_distribution(name, device):
    machine = WITHIN[name]().to(device)
    kernel = BlockGibbs(machine, temperature=2.0)
    state = kernel.init(CHAINS)
    for _ in range(30):
        state, _ = kernel.step(state)
    assert_drawn_from({name: s.cpu() for name, s in state.layers.items()}, Exact(machine.cpu(), 0.5))


@pytest.mark.parametrize("name", WITHIN)
def test_chains_of_their_own_temperature_and_share_of_the_machine(name, device):
    machine = WITHIN[name]().to(device)
    climates = [(2.0, 1.0), (1 / 3, 1.0), (1.0, 0.4), (1.0, 0.0)]
    beta, lam = (column.repeat(CHAINS).to(device) for column in torch.tensor(climates).unbind(1))
    layers = ends(BlockGibbs(machine), device, beta, lam, chains=len(beta))
    for first, (b, m) in enumerate(climates):
        assert_drawn_from({name: s[first :: len(climates)] for name, s in layers.items()}, Exact(machine.cpu(), b, m))


CLAMPED = {
    "visible": {"visible": [1, NAN, NAN, 0, NAN, NAN]},
    "within": {"hidden": [NAN, -1, NAN, NAN], "top": [1, 0]},
    "masked": {"spins": [NAN, 1, NAN, NAN, -1, NAN]},
    "potts": {"sites": [NAN] * 3 + [0, 1, 0] + [NAN] * 3},
}


@pytest.mark.parametrize("name", WITHIN)
def test_clamped_conditionals(name, device):
    machine = WITHIN[name]().to(device)
    held = {layer: torch.tensor(row, device=device) for layer, row in CLAMPED[name].items()}
    exact = Exact(WITHIN[name](), given={layer: row.cpu() for layer, row in held.items()})
    assert_drawn_from(ends(BlockGibbs(machine, held), device), exact)
    kernel = BlockGibbs(machine, held)
    state = kernel.init(CHAINS)
    for _ in range(30):
        state, _ = kernel.step(state)
    assert_drawn_from({layer: s.cpu() for layer, s in state.layers.items()}, exact)


@pytest.mark.parametrize("name", WITHIN)
def test_every_chain_clamped_in_its_own_way(name, device):
    machine = WITHIN[name]().to(device)
    layer, row = next(iter(CLAMPED[name].items()))
    rows = torch.tensor([row, [NAN] * len(row)], device=device)
    layers = ends(BlockGibbs(machine, {layer: rows.repeat(CHAINS, 1)}), device, chains=2 * CHAINS)
    for first in range(2):
        exact = Exact(WITHIN[name](), given={layer: rows[first].cpu()})
        assert_drawn_from({other: s[first::2] for other, s in layers.items()}, exact)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    n=st.integers(2, 7),
    kind=st.sampled_from([Bernoulli, Spin, Categorical]),
    seed=st.integers(0, 2**31),
    temperature=st.sampled_from([0.5, 1.0, 3.0]),
)
def test_any_size_and_seed(device, n, kind, seed, temperature):
    unit = kind()
    shape = {"visible": (n, unit.width)}
    machine = skewed(BoltzmannMachine(shape, [("visible", "visible")], {"visible": unit}), 0.25, seed).to(device)
    layers = ends(BlockGibbs(machine, temperature=temperature), "cpu", chains=3000, sweeps=60, seed=seed)
    assert_drawn_from(layers, Exact(machine, 1 / temperature))


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    sizes=st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 3)),
    units=st.tuples(*[st.sampled_from([Bernoulli, Spin])] * 3),
    seed=st.integers(0, 2**31),
    temperature=st.sampled_from([0.5, 1.0, 3.0]),
    method=st.sampled_from(["gibbs", "tempering", "tempered-transitions"]),
)
def test_every_sampler_of_layers_at_any_size_and_seed(device, sizes, units, seed, temperature, method):
    """Three layers in a row, drawn in blocks, with or without replicas at other rungs."""
    names = ("visible", "hidden", "top")
    kinds = {name: unit() for name, unit in zip(names, units)}
    pairs = [("visible", "hidden"), ("hidden", "top")]
    machine = skewed(BoltzmannMachine(dict(zip(names, sizes)), pairs, kinds), 0.4, seed).to(device)
    how = {} if method == "gibbs" else {"ladder": 4}
    kernel, generator = machine.kernel(method, None, temperature, **how), torch.Generator(device).manual_seed(seed)
    state = run(kernel, kernel.init(2000, generator), 60, generator=generator)
    assert_drawn_from(state.layers, Exact(machine, 1 / temperature))


def lattice(device, unit, size=6, seed=1):
    masks = {"sites_sites": Lattice((size, size))}
    shape = (size * size, unit.width) if unit.width > 1 else (size, size)
    return skewed(BoltzmannMachine({"sites": shape}, [("sites", "sites")], {"sites": unit}, masks), 0.4, seed).to(
        device
    )


@pytest.mark.parametrize("unit", [Bernoulli(), Spin(), Categorical(3)])
def test_groups_of_sites_are_drawn_as_site_by_site(unit, device, monkeypatch):
    machine = lattice(device, unit, 4 if unit.width > 1 else 6).to(device)
    assert sites.grouped(machine.colours["sites"])
    found = {}
    for near in (1, 10**9):
        monkeypatch.setattr(site_sweep, "NEAR", near)
        found[near] = joint(ends(BlockGibbs(machine), device, chains=4000, sweeps=40))
    monkeypatch.setattr(sites, "FEW", 10**9)
    assert not sites.grouped(machine.colours["sites"])
    found["one by one"] = joint(ends(BlockGibbs(machine), device, chains=4000, sweeps=40, seed=1))
    assert torch.equal(found[1], found[10**9]), "a product and a sum over neighbours are the same fields"
    error = (found[1].var(0) + found["one by one"].var(0)).sqrt() / 4000**0.5
    bound = norm.isf(FALSE_ALARM / 2) * error + 1e-3
    assert bool(((found[1].mean(0) - found["one by one"].mean(0)).abs() < bound).all())


def test_blocks_of_many_sites_agree_with_single_ones(device, monkeypatch):
    machine = skewed(BoltzmannMachine({"visible": 70}, [("visible", "visible")]), 0.1).to(device)
    ours = {}
    for block in (70, 32, 1):
        monkeypatch.setattr(site_sweep, "BLOCK", block)
        ours[block] = joint(ends(BlockGibbs(machine), device, chains=4000, sweeps=30, seed=block)).mean(0)
    for block in (70, 32):
        assert float((ours[block] - ours[1]).abs().max()) < norm.isf(FALSE_ALARM / 2) * (0.5 / 4000) ** 0.5


def test_sites_that_every_chain_is_given_cost_nothing(device):
    machine = WITHIN["visible"]()
    kernel = BlockGibbs(machine, {"visible": torch.tensor([1, NAN, 0, NAN, 1, 0], device=device)})
    runner = kernel.runner(kernel.init(3))
    (sweep,) = runner._sweep._sites.values()
    assert [block.index.tolist() for block in sweep.blocks] == [[1, 3]]
