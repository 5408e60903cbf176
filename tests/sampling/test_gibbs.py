import pytest
import torch

from genlatent.energy.rbm import RBM
from genlatent.energy.units import Gaussian
from genlatent.errors import DataError, Diverged, RecipeError
from genlatent.sampling.driver import run, trace
from genlatent.sampling.gibbs import BlockGibbs, GibbsState
from tests.machines import MACHINES, Exact, rbm, ring, skewed
from tests.statistics import assert_means

CHAINS, DRAWS = 60, 500


def moments(state: GibbsState) -> dict[str, torch.Tensor]:
    """Each layer, and the products of the first layer's units with the second's, or with each other."""
    first, second = [*state.layers.values(), *state.layers.values()][:2]
    return {**state.layers, "pairs": first.unsqueeze(2) * second.unsqueeze(1)}


class Stepwise(BlockGibbs):
    """The same kernel, driven by `step` alone."""

    def runner(self, state, generator=None):
        return StepRunner(self, state, generator)


class StepRunner:
    def __init__(self, kernel, state, generator):
        self.kernel, self.state, self.generator = kernel, state, generator

    def advance(self, steps):
        for _ in range(steps):
            self.state, _ = self.kernel.step(self.state, self.generator)


def long_run(kernel, device, thin=2, seed=0, lam=None):
    generator = torch.Generator(device).manual_seed(seed)
    state = kernel.init(CHAINS, generator)
    if lam is not None:
        state = state._replace(lam=torch.full((CHAINS,), lam, device=device))
    return trace(kernel, state, DRAWS, burn_in=100, thin=thin, observe=moments, generator=generator)[1]


def assert_exact(draws, exact, machine, chains=slice(None)):
    first, second = [*machine.layers, *machine.layers][:2]
    for name in machine.layers:
        assert_means(draws[name][chains].cpu(), exact.mean(name).cpu())
    assert_means(draws["pairs"][chains].cpu(), exact.pair(first, second).cpu())


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


@pytest.mark.parametrize("kind", [BlockGibbs, Stepwise])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_marginals_at_a_temperature(kind, temperature, device):
    machine = skewed(RBM(6, 5), 0.7).to(device)
    draws = long_run(kind(machine, temperature=temperature), device, thin=4)
    assert_exact(draws, Exact(machine, 1 / temperature), machine)


@pytest.mark.parametrize("name", MACHINES)
def test_marginals_of_every_shape(name, device):
    machine = MACHINES[name]().to(device)
    assert_exact(long_run(BlockGibbs(machine), device, thin=6), Exact(machine), machine)


def test_each_chain_has_its_own_temperature(device):
    machine = skewed(RBM(4, 3), 0.7).to(device)
    temperature = torch.tensor([0.7, 4.0], device=device).repeat(CHAINS // 2)
    draws = long_run(BlockGibbs(machine, temperature=temperature), device, thin=4)
    for first, beta in enumerate((1 / 0.7, 1 / 4.0)):
        assert_exact(draws, Exact(machine, beta), machine, slice(first, None, 2))


@pytest.mark.parametrize("kind", [BlockGibbs, Stepwise])
@pytest.mark.parametrize("lam", [0.0, 0.4])
def test_mixing_with_the_base_rates(kind, lam, device):
    machine = rbm().to(device)
    draws = long_run(kind(machine, temperature=2.0), device, thin=3, lam=lam)
    assert_exact(draws, Exact(machine, 0.5, lam), machine)


@pytest.mark.parametrize("kind", [BlockGibbs, Stepwise])
@pytest.mark.parametrize(
    "given",
    [
        {"visible": [1, 0, None, None, 1, None]},
        {"hidden": [None, 1, None, 0, None]},
        {"visible": [None] * 5 + [1], "hidden": [0, 1, 1, 0, 1]},
    ],
)
def test_clamped_conditionals(kind, given, device):
    machine = rbm().to(device)
    given = {name: torch.tensor([float("nan") if v is None else v for v in row]) for name, row in given.items()}
    given = {name: row.to(device) for name, row in given.items()}
    draws = long_run(kind(machine, given), device)
    assert_exact(draws, Exact(machine, given=given), machine)


def test_every_chain_clamped_in_its_own_way(device):
    machine, nan = ring().to(device), float("nan")
    rows = torch.tensor([[1, nan], [nan, 0]], device=device)
    draws = long_run(BlockGibbs(machine, {"label": rows.repeat(CHAINS // 2, 1)}), device, thin=4)
    for first in range(2):
        exact = Exact(machine, given={"label": rows[first]})
        assert_exact(draws, exact, machine, slice(first, None, 2))


def test_gaussian_units_keep_their_variance_at_any_temperature(device):
    machine = skewed(RBM(2, 2, visible_units=Gaussian()), 0.5).to(device)
    draws = long_run(BlockGibbs(machine, temperature=2.0), device)
    h = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 2)
    field = 0.5 * (machine.b.double().cpu() + h @ machine.W.double().cpu().T)
    p = (0.5 * h @ machine.c.double().cpu() + field.square().sum(1) / 2).softmax(0)
    assert_means(draws["visible"].cpu(), p @ field)
    assert_means(draws["visible"].cpu() ** 2, p @ field**2 + 1)


def test_a_step_leaves_its_state_alone(device):
    kernel = BlockGibbs(rbm().to(device))
    state = kernel.init(3)
    before = {name: s.clone() for name, s in state.layers.items()}
    kernel.step(state)
    run(kernel, state, 2)
    assert all(torch.equal(before[name], s) for name, s in state.layers.items())


def test_runs_repeat_with_their_seed_and_move_nobody_else_s_numbers(device):
    kernel = BlockGibbs(rbm().to(device))
    start = kernel.init(20, torch.Generator(device).manual_seed(1))
    before = torch.get_rng_state()
    ends = [run(kernel, start, 5, generator=torch.Generator(device).manual_seed(s)).layers for s in (1, 1, 2)]
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(ends[0]["visible"], ends[1]["visible"])
    assert not torch.equal(ends[0]["visible"], ends[2]["visible"])


def test_two_samplers_do_not_disturb_each_other(device):
    kernel, other = BlockGibbs(rbm().to(device)), BlockGibbs(ring().to(device))
    alone, beside = (torch.Generator(device).manual_seed(3) for _ in range(2))
    a = b = kernel.init(5, torch.Generator(device).manual_seed(0))
    for _ in range(4):
        a, _ = kernel.step(a, alone)
    for seed in range(4):
        b, _ = kernel.step(b, beside)
        run(other, other.init(2), 3, generator=torch.Generator(device).manual_seed(seed))
    assert torch.equal(a.layers["visible"], b.layers["visible"])


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), torch.tensor([1.0, 0.0])])
def test_temperatures_that_are_refused(temperature, device):
    with pytest.raises(RecipeError, match="temperature must be above 0"):
        BlockGibbs(rbm().to(device), temperature=temperature)


def test_other_bad_input(device):
    with pytest.raises(DataError, match="every unit is given"):
        BlockGibbs(
            rbm().to(device), {"visible": torch.zeros(6, device=device), "hidden": torch.zeros(5, device=device)}
        )
    with pytest.raises(RecipeError, match="no layer is called 'x'; layers: visible, hidden"):
        BlockGibbs(rbm().to(device), {"x": torch.zeros(6, device=device)})
    with pytest.raises(DataError, match="layer visible has 6 units, given 5 values"):
        BlockGibbs(rbm().to(device), {"visible": torch.zeros(5, device=device)})
    with pytest.raises(RecipeError, match="3 chains need 3 temperatures or one"):
        BlockGibbs(rbm().to(device), temperature=torch.ones(2, device=device)).init(3)
    with pytest.raises(RecipeError, match="at least 1 chain, got 0"):
        BlockGibbs(rbm().to(device)).init(0)


def test_fields_that_are_not_numbers_stop_the_run(device):
    machine = rbm().to(device)
    machine.hidden_bias[2] = float("nan")
    with pytest.raises(Diverged, match=r"hidden_bias holds nan at \(2,\)"):
        machine.sample(3, steps=1)
