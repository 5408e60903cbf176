import pytest
import torch
from scipy.stats import chi2_contingency

from genlatent.energy.exact_draws import draw_exactly
from genlatent.energy.machine import BoltzmannMachine
from genlatent.energy.masks import Lattice
from genlatent.energy.rbm import RBM
from genlatent.energy.units import Gaussian, Spin
from genlatent.errors import Diverged, RecipeError
from genlatent.sampling.annealing import Annealing
from genlatent.sampling.bennett import solve
from genlatent.sampling.driver import run
from genlatent.sampling.schedule import uniform
from tests.machines import MACHINES, Exact, rbm, skewed

RUNS, STEPS = 20_000, 3
FALSE_ALARM_Z = 4.5  # about 1 in 150 000


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def stepwise(kernel, state, steps, generator):
    for _ in range(steps):
        state, _ = kernel.step(state, generator)
    return state


def in_place(kernel, state, steps, generator):
    return run(kernel, state, steps, generator=generator)


def both_ways(machine, temperature, move, device):
    """Log-weights of runs from the base rates, and of runs back from exact draws; ln Z of the base model."""
    generator = torch.Generator(device).manual_seed(3)
    ahead = Annealing(machine, uniform(STEPS), temperature)
    back = Annealing(machine, uniform(STEPS), temperature, reverse=True)
    end = move(ahead, ahead.init(RUNS, generator), STEPS, generator)
    draws = draw_exactly(machine, RUNS, temperature=temperature, generator=generator)
    home = move(back, back.start(draws), STEPS, generator)
    return end.log_weights, home.log_weights, ahead.log_partition_base()


def bennett_z(forward, reverse, difference):
    """How many standard errors Bennett's ratio is off."""
    found = solve(forward.unsqueeze(0), reverse.unsqueeze(0))[0]
    a, b = (forward - found).sigmoid(), (reverse + found).sigmoid()
    slope = (a - a * a).sum() + (b - b * b).sum()
    return float((found - difference) * slope / (len(a) * a.var() + len(b) * b.var()).sqrt())


@pytest.mark.parametrize("move", [stepwise, in_place])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
@pytest.mark.parametrize("name", MACHINES)
def test_three_coarse_steps_each_way_meet_at_the_exact_partition_function(name, temperature, move, device):
    machine = MACHINES[name]().to(device)
    forward, reverse, base = both_ways(machine, temperature, move, device)
    difference = float(machine.log_partition_exact(beta=1 / temperature)) - base
    assert abs(bennett_z(forward, reverse, difference)) < FALSE_ALARM_Z
    for weights, sign in ((forward, 1), (reverse, -1)):
        w = (weights - sign * difference).exp()
        error = float(w.std()) / RUNS**0.5
        assert float(w.mean()) == pytest.approx(1, abs=max(FALSE_ALARM_Z * error, 1e-9))


def test_real_valued_units_are_annealed_too(device):
    machine = skewed(RBM(visible=3, hidden=4, visible_units=Gaussian()), 0.4).to(device)
    forward, reverse, base = both_ways(machine, 1.0, in_place, device)
    assert abs(bennett_z(forward, reverse, float(machine.log_partition_exact()) - base)) < FALSE_ALARM_Z


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", MACHINES)
def test_an_increment_is_the_difference_of_the_reduced_energies(name, reverse, device):
    machine = MACHINES[name]().to(device)
    kernel = Annealing(machine, torch.tensor([0.0, 0.3, 1.0]), 2.0, reverse)
    generator = torch.Generator(device).manual_seed(0)
    state = kernel.start(draw_exactly(machine, 50, generator=generator))
    kept = {layer: state.layers[layer].double() for layer in kernel.kept}
    theta, (first, then) = machine.theta().double(), ((1.0, 0.3) if reverse else (0.0, 0.3))
    energies = [machine.reduced_energy(kept, beta=0.5, lam=lam, theta=theta)[0] for lam in (first, then)]
    for moved in (stepwise(kernel, state, 1, generator), in_place(kernel, state, 1, generator)):
        torch.testing.assert_close(moved.log_weights, energies[0] - energies[1], rtol=1e-5, atol=1e-5)
        assert moved.log_weights.dtype == torch.float64


def ordered():
    """Machines in whose steps the order of layers or of sites counts."""
    three, inside = [("a", "b"), ("c", "b"), ("c", "a")], [("hidden", "visible"), ("hidden", "hidden")]
    lattice = {"spins_spins": Lattice((8,))}
    return {
        "layers": BoltzmannMachine({"a": 2, "b": 2, "c": 2}, three),
        "sites": BoltzmannMachine({"visible": 3}, [("visible", "visible")]),
        "layers and sites": BoltzmannMachine({"visible": 2, "hidden": 3}, inside, {"hidden": Spin()}),
        "groups of sites": BoltzmannMachine({"spins": 8}, [("spins", "spins")], {"spins": Spin()}, lattice),
    }


def numbered(state, kept):
    """What the first three units are, of the layers that are kept, as a number."""
    on = torch.cat([state.layers[name] for name in kept], 1)[:, :3] > 0
    return on.long() @ torch.tensor([1, 2, 4], device=on.device)


@pytest.mark.parametrize("move", [stepwise, in_place])
@pytest.mark.parametrize("name", ordered())
def test_a_step_in_reverse_is_a_step_ahead_seen_backwards_in_time(name, move, device):
    """Without it no weight is biased, but the two directions no longer meet where Bennett's ratio looks for them."""
    machine = skewed(ordered()[name], 1.5).to(device)
    exact, generator = Exact(machine, lam=0.5), torch.Generator(device).manual_seed(5)
    kept, seen = Annealing(machine, uniform(2)).kept, []
    for reverse in (False, True):
        kernel = Annealing(machine, uniform(2), reverse=reverse)
        chosen = torch.multinomial(exact.probability, 5 * RUNS, replacement=True, generator=generator)
        start = kernel.start({layer: s[chosen].float() for layer, s in exact.states.items()})
        ends = [numbered(state, kept) for state in (start, move(kernel, start, 1, generator))]
        first, second = ends[::-1] if reverse else ends
        seen.append(torch.bincount(8 * first + second, minlength=64))
    often = torch.stack(seen)[:, sum(seen) > 20].cpu()
    assert chi2_contingency(often.numpy()).pvalue > 1e-6


@pytest.mark.parametrize("name", MACHINES)
def test_the_base_models_partition_function_is_exact(name):
    machine = MACHINES[name]()
    exact = Exact(machine, beta=0.5, lam=0.0).log_partition
    assert Annealing(machine, uniform(1), 2.0).log_partition_base() == pytest.approx(float(exact), rel=1e-9)


def test_a_run_in_parts_is_the_run_in_one_piece(device):
    kernel = Annealing(rbm().to(device), uniform(30))
    one, two = (torch.Generator(device).manual_seed(4) for _ in range(2))
    whole = run(kernel, kernel.init(10, one), 30, generator=one)
    part = run(kernel, kernel.init(10, two), 12, generator=two)
    rest = run(kernel, part, 18, generator=two)
    assert torch.equal(whole.log_weights, rest.log_weights)
    assert all(torch.equal(whole.layers[name], rest.layers[name]) for name in whole.layers)
    assert (part.done, rest.done) == (12, 30)


def test_progress_is_told(device):
    told, kernel = [], Annealing(rbm().to(device), uniform(120))
    run(kernel, kernel.init(2), 120, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (120, 120)


def test_more_steps_than_the_schedule_has_are_refused(device):
    kernel = Annealing(rbm().to(device), uniform(5))
    with pytest.raises(RecipeError, match="all of them are done"):
        run(kernel, kernel.init(2), 6)


def test_a_reverse_run_needs_draws_of_the_machine(device):
    with pytest.raises(RecipeError, match="starts at draws of the machine"):
        Annealing(rbm().to(device), uniform(5), reverse=True).init(3)


@pytest.mark.parametrize("positions", [[0.0, 0.5], [0.1, 1.0], [0.0, 0.7, 0.5, 1.0], [1.0]])
def test_a_schedule_rises_from_0_to_1(positions, device):
    with pytest.raises(RecipeError, match="rise from 0 to 1"):
        Annealing(rbm().to(device), torch.tensor(positions, device=device))


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_temperature_is_above_0(temperature, device):
    with pytest.raises(RecipeError, match="above 0"):
        Annealing(rbm().to(device), uniform(5), temperature)


def test_parameters_that_are_not_finite_are_named(device):
    machine = rbm().to(device)
    machine.visible_hidden_weight[0, 0] = torch.nan
    kernel = Annealing(machine, uniform(5))
    with pytest.raises(Diverged, match="not finite"):
        run(kernel, kernel.init(3), 5)
