import itertools

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from genlatent.energy.machine import BoltzmannMachine
from genlatent.energy.rbm import RBM
from genlatent.energy.units import Gaussian
from genlatent.errors import DataError, Diverged, RecipeError
from genlatent.sampling.driver import run, trace, warm_up
from genlatent.sampling.tempering import ParallelTempering
from tests.machines import Exact, rbm, ring, skewed
from tests.modes import CHAINS, in_both_modes, share_on, two_modes
from tests.statistics import assert_mean, assert_means


@pytest.mark.slow
def test_tempering_crosses_where_gibbs_cannot(device):
    machine = two_modes().to(device)
    found = {}
    for method in ("gibbs", "tempering"):
        kernel, generator = machine.kernel(method), torch.Generator(device).manual_seed(0)
        start = in_both_modes(machine)
        state = kernel.start(start) if method == "tempering" else kernel.init(CHAINS, generator)._replace(layers=start)
        how = {"burn_in": 200, "thin": 2, "observe": share_on, "generator": generator}
        found[method] = trace(kernel, state, 1000, **how)[1]
    stuck, mixed = (found[method].diagnose()["on"] for method in ("gibbs", "tempering"))
    assert stuck.rhat > 2
    assert stuck.ess_bulk < 2 * CHAINS
    assert mixed.rhat < 1.01
    assert mixed.ess_bulk > 100 * CHAINS
    assert_mean(found["tempering"]["on"].cpu(), Exact(machine.cpu()).mean("visible").mean().item())


def test_the_ladder_adapts_until_neighbours_swap_equally_often(device):
    machine = skewed(rbm(), 1.5).to(device)
    kernel, generator = ParallelTempering(machine, 6), torch.Generator(device).manual_seed(0)
    start = kernel.init(60, generator)
    even = run(kernel, start, 150, generator=generator).journeys.rates
    adapted = warm_up(kernel, start, 300, generator=generator)
    rates = run(kernel, adapted, 150, generator=generator).journeys.rates
    assert rates.max() - rates.min() < 0.5 * (even.max() - even.min())
    assert rates.max() - rates.min() < 0.1
    assert (adapted.rungs.lam[:, -1] == 1).all()
    assert (adapted.journeys.round_trips == 0).all()


def test_steps_can_be_traced(device):
    kernel, start = ParallelTempering(rbm().to(device), 4), ParallelTempering(rbm().to(device), 4).init(5)

    def step(visible, hidden, parity):
        state, _ = kernel.step(start._replace(replicas={"visible": visible, "hidden": hidden}, parity=parity))
        return (*state.replicas.values(), state.parity)

    inputs = (*start.replicas.values(), start.parity)
    traced = make_fx(step)(*inputs)
    for parity in (start.parity, 1 - start.parity):
        torch.manual_seed(4)
        expected = step(*inputs[:2], parity)
        torch.manual_seed(4)
        assert all(torch.equal(a, b) for a, b in zip(traced(*inputs[:2], parity), expected))


@pytest.mark.parametrize("path", ["base", "temperature"])
def test_steps_and_runs_in_place_have_the_same_law(path, device):
    machine, observed = skewed(RBM(4, 3), 0.9).to(device), []
    kernel, generator = ParallelTempering(machine, 4, path=path), torch.Generator(device).manual_seed(0)
    state = run(kernel, kernel.init(100, generator), 50, generator=generator)
    for _ in range(150):
        state, info = kernel.step(state, generator)
        observed.append(state.layers["visible"])
    assert ((info["swap_acceptance"] >= 0) & (info["swap_acceptance"] <= 1)).all()
    assert_means(torch.stack(observed, 1), Exact(machine).mean("visible").detach())


def test_units_coupled_within_their_layer(device):
    machine = BoltzmannMachine({"visible": 5}, [("visible", "visible")]).to(device)
    with torch.no_grad():
        machine.visible_visible_weight.copy_(torch.randn(5, 5, device=device))
        machine.visible_bias.copy_(torch.randn(5, device=device))
    states = torch.tensor(list(itertools.product([0.0, 1.0], repeat=5)), device=device)
    probability = machine.log_prob(states).exp().detach()
    generator = torch.Generator(device).manual_seed(0)
    draws = machine.trace(150, chains=100, burn_in=60, method="tempering", generator=generator)
    assert_means(draws["x"], probability.double() @ states.double())


def test_rungs_are_frozen_once_draws_are_counted(device):
    kernel = ParallelTempering(rbm().to(device), 4)
    adapted = warm_up(kernel, kernel.init(3), 20)
    assert torch.equal(run(kernel, adapted, 20).rungs.lam, adapted.rungs.lam)


def test_only_the_replica_at_the_target_is_seen(device):
    temperature = torch.tensor([1.0, 2.5], device=device).repeat(60)
    machine = skewed(RBM(4, 3), 0.9).to(device)
    kernel, generator = (
        ParallelTempering(machine, (0.7, 1.0, 2.5, 6.0), temperature=temperature, path="temperature"),
        torch.Generator(device).manual_seed(0),
    )
    draws = trace(kernel, kernel.init(120, generator), 150, burn_in=60, thin=2, generator=generator)[1]
    assert draws["visible"].shape == (120, 150, 4)
    for first, beta in enumerate((1.0, 0.4)):
        exact = Exact(machine, beta)
        assert_means(draws["visible"][first::2].cpu(), exact.mean("visible").detach().cpu())
        assert_means(draws["hidden"][first::2].cpu(), exact.mean("hidden").detach().cpu())


@pytest.mark.parametrize(
    "given",
    [
        {"visible": [1, 0, None, None, 1, None]},
        {"hidden": [None, 1, None, 0, None]},
        {"hidden": [0, 1, 1, 0, 1], "visible": [None] * 5 + [1]},
    ],
)
def test_clamped_conditionals(given, device):
    given = {
        name: torch.tensor([float("nan") if v is None else v for v in row], device=device)
        for name, row in given.items()
    }
    machine, generator = rbm().to(device), torch.Generator(device).manual_seed(0)
    kernel = ParallelTempering(machine, 4, given)
    draws = trace(kernel, kernel.init(100, generator), 150, burn_in=50, generator=generator)[1]
    exact = Exact(machine, given=given)
    for name in machine.layers:
        assert_means(draws[name], exact.mean(name).detach())


def test_every_chain_clamped_in_its_own_way(device):
    machine, generator, nan = ring().to(device), torch.Generator(device).manual_seed(0), float("nan")
    rows = torch.tensor([[1, nan], [nan, 0]], device=device)
    kernel = ParallelTempering(machine, 3, {"label": rows.repeat(50, 1)})
    draws = trace(kernel, kernel.init(100, generator), 150, burn_in=50, thin=2, generator=generator)[1]
    for first in range(2):
        exact = Exact(machine, given={"label": rows[first]})
        assert_means(draws["visible"][first::2], exact.mean("visible").detach())


def test_unbounded_units_are_tempered_too(device):
    machine, generator = (
        skewed(RBM(2, 2, visible_units=Gaussian()), 0.6).to(device),
        torch.Generator(device).manual_seed(0),
    )
    h = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64, device=device)] * 2)
    field = machine.b.detach().double() + h @ machine.W.detach().double().T
    p = (h @ machine.c.detach().double() + field.square().sum(1) / 2).softmax(0)
    draws = machine.trace(200, chains=100, burn_in=100, thin=2, method="tempering", generator=generator)
    assert_means(draws["x"], p @ field)
    assert_means(draws["x"] ** 2, p @ field**2 + 1)


@pytest.mark.parametrize("method", ["tempering", "tempered-transitions"])
def test_machines_are_sampled_by_name(method, device):
    machine, generator = rbm().to(device), torch.Generator(device).manual_seed(0)
    assert machine.sample(7, steps=5, method=method, generator=generator).shape == (7, 6)
    draws = machine.trace(5, chains=3, burn_in=6, method=method, generator=generator)
    assert draws["x"].shape == (3, 5, 6)
    energy = machine.energy({"visible": draws["x"], "hidden": draws["hidden"]})
    assert torch.allclose(draws["energy"], energy.double(), atol=1e-5)


def test_bad_input_is_named(device):
    with pytest.raises(
        RecipeError, match="no method of sampling is called 'annealing'; known: gibbs, integer-gibbs, tempering"
    ):
        rbm().to(device).kernel("annealing")
    with pytest.raises(DataError, match="given x leaves nothing to sample"):
        rbm().to(device).sample(2, given={"x": torch.zeros(6, device=device)}, method="tempering")
    with pytest.raises(RecipeError, match="temperature must be above 0, got 0"):
        rbm().to(device).sample(2, temperature=0.0, method="tempering")
    machine = rbm().to(device)
    with torch.no_grad():
        machine.hidden_bias[2] = float("nan")
    with pytest.raises(Diverged, match=r"hidden_bias holds nan at \(2,\)"):
        machine.sample(3, steps=2, method="tempering")
