"""What every transition kernel promises, asked of every kernel."""

import pytest
import torch
from scipy.stats import chisquare
from torch.utils._pytree import tree_leaves

from genlatent.energy.rbm import RBM
from genlatent.energy.units import Spin
from genlatent.sampling.driver import run, trace
from genlatent.sampling.gibbs import BlockGibbs
from genlatent.sampling.gradients import GibbsWithGradients
from genlatent.sampling.hmc import HMC
from genlatent.sampling.kernels import Adaptive, Kernel
from genlatent.sampling.langevin import Langevin
from genlatent.sampling.mala import MALA
from genlatent.sampling.tempering import ParallelTempering
from genlatent.sampling.transitions import TemperedTransitions
from tests.densities import potts, potts_points, skewed_energy, skewed_grid
from tests.machines import Exact, deep, ring, skewed
from tests.statistics import assert_means

NAN = float("nan")


class Target:
    """A kernel, and every state it can be in with its probability at a temperature."""

    def __init__(self, make, points):
        self.make, self.points = make, points


def on_machine(make_machine, kernel):
    def points(temperature):
        exact = Exact(make_machine(), 1 / temperature)
        return exact.states, exact.probability.detach()

    return Target(lambda device, temperature: kernel(make_machine().to(device), temperature), points)


def small():
    return skewed(RBM(3, 2), 0.9)


def rigid():
    """Couplings so strong that sweeps hardly mix, and nothing hides what a swap does wrong."""
    return skewed(RBM(3, 2), 3.0)


def gentle_ring():
    return skewed(ring(), 0.6)


def rigid_ring():
    return skewed(ring(), 1.5)


def spins():
    return skewed(RBM(3, 2, visible_units=Spin()), 0.5)


def summed_out(machine):
    """Gibbs with gradients over the visible units of a machine."""

    def make(device, temperature):
        here = machine().to(device)
        return GibbsWithGradients(Summed(here, 1 / temperature), 3, here.support, changes=3, temperature=temperature)

    def points(temperature):
        exact = Exact(machine(), 1 / temperature)
        states, log_prob = exact.marginal("visible")
        return {"x": states}, log_prob.exp()

    return Target(make, points)


class Summed(torch.nn.Module):
    """T times the free energy at temperature T, so that dividing by T gives the machine's visible marginal."""

    def __init__(self, machine, beta):
        super().__init__()
        self.machine, self.beta = machine, beta

    def forward(self, v):
        return self.machine.free_energy(v, beta=self.beta) / self.beta


def coloured(temperature):
    return GibbsWithGradients(potts, (2, 3), "categorical", 2, temperature=temperature)


def plane(kind, **arguments):
    def points(temperature):
        grid, probability = skewed_grid(temperature)
        return {"x": grid}, probability

    return Target(lambda device, t: kind(skewed_energy, 2, temperature=t, **arguments), points)


def tempering(path, ladder=5):
    return lambda machine, t: ParallelTempering(machine, ladder, temperature=t, path=path)


def transitions(path, ladder=4):
    return lambda machine, t: TemperedTransitions(machine, ladder, temperature=t, path=path)


TARGETS = {
    "gibbs": on_machine(small, lambda machine, t: BlockGibbs(machine, temperature=t)),
    "tempering": on_machine(small, tempering("base")),
    "tempering by temperature": on_machine(small, tempering("temperature")),
    "tempering, spins": on_machine(spins, tempering("base")),
    "tempering, deep": on_machine(deep, tempering("base")),
    "tempering, ring": on_machine(gentle_ring, tempering("temperature")),
    "transitions, ring": on_machine(gentle_ring, transitions("temperature")),
    "transitions, deep": on_machine(deep, transitions("base")),
    "gradients": summed_out(small),
    "gradients, spins": summed_out(spins),
    "gradients, Potts": Target(lambda device, t: coloured(t), potts_points),
    "HMC": plane(HMC, leaps=8),
    "MALA": plane(MALA, size=0.5),
}  # fmt: skip
UNTOUCHED = {**TARGETS, "Langevin": plane(Langevin)}

every_kernel = pytest.mark.parametrize("kernel", [pytest.param(t.make, id=name) for name, t in UNTOUCHED.items()])
every_target = pytest.mark.parametrize("target", [pytest.param(t, id=name) for name, t in TARGETS.items()])


def seeded(device, seed=0):
    return torch.Generator(device).manual_seed(seed)


def leaves(state):
    return [leaf for leaf in tree_leaves(state) if leaf is not None]


def copies(state):
    return [leaf.clone() for leaf in leaves(state)]


def same(state, other):
    return all(torch.equal(a, b) for a, b in zip(leaves(state), leaves(other), strict=True))


@every_kernel
def test_a_step_leaves_its_state_as_it_was(kernel, device):
    made = kernel(device, 1.0)
    state = made.init(3, seeded(device))
    before = copies(state)
    made.step(state, seeded(device))
    run(made, state, 3, generator=seeded(device))
    if isinstance(made, Adaptive):
        made.adapting(state, 4, seeded(device)).advance(4)
    assert same(state, before)


@every_kernel
def test_seeds_repeat_a_run_and_move_nobody_else_s_numbers(kernel, device):
    made = kernel(device, 1.0)
    before = torch.get_rng_state()
    ends = []
    for seed in (1, 1, 2):
        generator = seeded(device, seed)
        ends.append(run(made, made.init(20, generator), 5, generator=generator))
    assert torch.equal(before, torch.get_rng_state())
    assert same(ends[0], ends[1])
    assert not same(ends[0], ends[2])


@every_kernel
def test_without_a_generator_the_default_stream_is_used(kernel, device):
    made = kernel(device, 1.0)
    state = made.init(8, seeded(device))
    with torch.random.fork_rng():
        torch.manual_seed(5)
        first, _ = made.step(state)
        torch.manual_seed(5)
        again, _ = made.step(state)
        other, _ = made.step(state)
    assert same(first, again)
    assert not same(first, other)


@every_kernel
def test_the_leading_axis_is_the_chain(kernel, device):
    made = kernel(device, 1.0)
    assert isinstance(made, Kernel)
    state, info = made.step(made.init(7, seeded(device)), seeded(device))
    assert all(len(leaf) == 7 for leaf in leaves((state, info, state.layers)))
    assert all(leaf.dtype == torch.float32 for leaf in state.layers.values())


def features(layers):
    """All values, their squares, and the products of neighbours."""
    x = torch.cat([s.flatten(1) for s in layers.values()], 1)
    return torch.cat((x, x * x, x * x.roll(1, 1)), 1)


@every_target
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_chains_reach_their_distribution(target, temperature, device):
    kernel, generator = target.make(device, temperature), seeded(device, 1)
    state = kernel.init(400, generator)
    observe = lambda state: {"features": features(state.layers)}  # noqa: E731
    draws = trace(kernel, state, 50, burn_in=50, thin=2, observe=observe, generator=generator)[1]
    layers, probability = target.points(temperature)
    assert_means(draws["features"].cpu(), probability @ features(layers))


@pytest.mark.parametrize("path", ["base", "temperature"])
@pytest.mark.parametrize("sweeps", [True, False], ids=["with sweeps", "swaps alone"])
def test_exact_replicas_stay_exact_on_every_rung(path, sweeps, device):
    machine = rigid().to(device)
    kernel = ParallelTempering(machine, 4, temperature=0.8, path=path)
    state, generator = kernel.init(100_000, seeded(device)), seeded(device, 1)
    rungs = [Exact(machine, b, l) for b, l in zip(state.rungs.beta[0].cpu(), state.rungs.lam[0].cpu())]
    start = [_draw(exact, len(state.parity)) for exact in rungs]
    replicas = {n: torch.stack([s[n] for s in start], 1).to(device, torch.float32) for n in machine.layers}
    state = state._replace(replicas=replicas)
    for _ in range(10):
        state, _ = kernel.step(state, generator) if sweeps else kernel.swap(state, generator)
    for rung, exact in enumerate(rungs):
        seen = {name: s[:, rung].cpu() for name, s in state.replicas.items() if sweeps or name == "visible"}
        assert_distribution(seen, exact)


@pytest.mark.parametrize("machine", [rigid, rigid_ring])
@pytest.mark.parametrize("sweeps", [True, False], ids=["with sweeps", "transitions alone"])
def test_exact_states_stay_exact_through_transitions(machine, sweeps, device):
    made, generator = machine().to(device), seeded(device, 1)
    kernel, exact = TemperedTransitions(made, 4), Exact(made)
    layers = {name: s.to(device, torch.float32) for name, s in _draw(exact, 100_000).items()}
    state = kernel.init(100_000, generator)._replace(layers=layers)
    for _ in range(4):
        state, _ = kernel.step(state, generator) if sweeps else kernel._travel(state, generator)
    seen = {name: s.cpu() for name, s in state.layers.items() if sweeps or name not in kernel.summed}
    assert_distribution(seen, exact)


def _draw(exact, count):
    chosen = torch.multinomial(exact.probability.detach(), count, replacement=True)
    return {name: s[chosen] for name, s in exact.states.items()}


def assert_distribution(layers, exact):
    """Independent states of these layers occur as often as they should."""
    place = 2 ** torch.arange(sum(s.shape[1] for s in layers.values()))
    seen = torch.bincount(_code(layers) @ place, minlength=int(place.sum()) + 1).double()
    code = _code({name: exact.states[name].cpu() for name in layers}) @ place
    expected = torch.zeros_like(seen).index_add(0, code, exact.probability.detach().cpu() * seen.sum())
    common = expected > 5
    rare = [] if bool(common.all()) else [~common]
    cells = [*torch.eye(len(seen)).bool()[common], *rare]
    observed, wanted = ([float(counts[cell].sum()) for cell in cells] for counts in (seen, expected))
    assert chisquare(observed, wanted).pvalue > 1e-4


def _code(layers):
    return torch.cat([(s > 0).long() for s in layers.values()], 1)
