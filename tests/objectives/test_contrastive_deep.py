"""Contrastive divergence of machines whose hidden layers are coupled, against sums over all states."""

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils.stateless import _reparametrize_module
from torch.utils._pytree import tree_leaves

from genlatent.energy import mean_field
from genlatent.energy.machine import BoltzmannMachine
from genlatent.energy.units import Gaussian
from genlatent.errors import RecipeError
from genlatent.objectives.base import Batch
from genlatent.objectives.contrastive import ContrastiveDivergence, carried
from tests.machines import MACHINES, Exact, skewed

MANY = 200_000
OBJECTIVES = {
    "mean-field": ContrastiveDivergence(chains=30, sweeps=3),
    "gibbs": ContrastiveDivergence(chains=30, positive="gibbs", sweeps=3),
    "plain": ContrastiveDivergence(chains=30, steps=2, centred=False),
    "cd": ContrastiveDivergence(persistent=False),
    "cd-gibbs": ContrastiveDivergence(persistent=False, positive="gibbs", sweeps=2),
}


@pytest.fixture(params=MACHINES)
def machine(request, device):
    return MACHINES[request.param]().to(device).double()


@pytest.fixture(params=OBJECTIVES)
def objective(request):
    return OBJECTIVES[request.param]


def drawn(exact, count):
    rows = torch.multinomial(exact.probability.detach(), count, replacement=True)
    return {name: s[rows] for name, s in exact.states.items()}


def data(machine, count=20):
    """Rows of data that another machine of the same shape would make."""
    return drawn(Exact(machine, beta=0.3), count)[machine.data]


def gradients(model, loss):
    return torch.autograd.grad(loss.value, list(model.parameters()))


def assert_near(found, exact, bound):
    for a, b in zip(found, exact, strict=True):
        assert (a - b).abs().max() < bound, (a, b)


def test_draws_of_the_model_give_the_exact_gradient(machine):
    """The clamped chains have forgotten their start, the free ones are drawn from the list of all states."""
    torch.manual_seed(2)
    objective = ContrastiveDivergence(centred=False, positive="gibbs", sweeps=20)
    some = data(machine, 3)
    rows = some.repeat(MANY // 3, 1)
    positive = objective.clamp(machine, Batch(rows))
    found = gradients(machine, objective.difference(machine, positive, drawn(Exact(machine), MANY)))
    exact = torch.autograd.grad(-machine.log_prob(some).mean(), list(machine.parameters()))
    assert_near(found, exact, 4.5 * 2 / MANY**0.5)


def scaled():
    """A top layer of real values, inferred by mean field, whose scales are learned."""
    couplings, units = [("visible", "hidden"), ("hidden", "top")], {"top": Gaussian(learned=True)}
    return skewed(BoltzmannMachine({"visible": 4, "hidden": 3, "top": 2}, couplings, units), 0.4)


@pytest.mark.parametrize("make", [MACHINES["deep"], MACHINES["ring"], MACHINES["within"], scaled])
def test_mean_field_gives_the_slope_of_the_bound(make, device):
    """Finite differences of the loss, its posterior settled anew at each point, agree with the gradient."""
    machine = make().to(device).double()
    x, way = machine.gibbs().init(5).layers[machine.data], [torch.randn_like(p) for p in machine.parameters()]
    chains = {layer: s.detach() for layer, s in machine.gibbs().init(7).layers.items() if layer in carried(machine)}
    objective = ContrastiveDivergence(centred=False, sweeps=1000)
    loss = objective.difference(machine, objective.clamp(machine, Batch(x)), chains)
    slope = sum((g * w).sum() for g, w in zip(gradients(machine, loss), way))
    kept = {layer: s for layer, s in chains.items() if layer not in machine.summed}

    @torch.no_grad()
    def gap(step):
        for parameter, w in zip(machine.parameters(), way):
            parameter += step * w
        above = mean_field.free_energy(machine, x).mean() - machine.reduced_energy(kept)[0].mean()
        for parameter, w in zip(machine.parameters(), way):
            parameter -= step * w
        return above

    assert abs((gap(1e-4) - gap(-1e-4)) / 2e-4 - slope) < 1e-4 * slope.abs()


def test_chains_are_of_all_layers_that_a_step_looks_at(machine):
    objective = ContrastiveDivergence(chains=7)
    state = objective.init(machine, data(machine))
    assert set(carried(machine)) >= set(machine.layers) - set(machine.summed)
    sizes = {name if name != "chains" else f"chains_{machine.data}": s.shape for name, s in state.items()}
    assert sizes == {f"chains_{name}": (7, machine.sizes[name]) for name in carried(machine)}


def test_a_step_draws_from_the_conditional_of_what_is_carried(machine):
    """Chains in equilibrium stay there."""
    torch.manual_seed(3)
    objective, exact = ContrastiveDivergence(steps=2), Exact(machine)
    start = {name: s for name, s in drawn(exact, 20_000).items() if name in carried(machine)}
    after = objective.advance(machine, start)
    for name, s in after.items():
        spread = exact.states[name].max() - exact.states[name].min()
        assert (s.mean(0) - exact.mean(name)).abs().max() < 4.5 * spread / 2 / 20_000**0.5


def test_offsets_follow_the_hidden_layers_and_not_the_data(machine, objective):
    x = data(machine)
    loss = objective(machine, Batch(x), objective.init(machine, x))
    hidden = {f"{name}_offset" for name in machine.layers if name != machine.data}
    assert set(loss.buffers) == (hidden if objective.centred else set())
    assert all(value.isfinite().all() for value in loss.buffers.values())
    assert set(loss.state) == set(objective.init(machine, x))


def flat(model, objective, parameters, buffers, x, state):
    parameters = {name: p.detach().requires_grad_() for name, p in parameters.items()}
    with _reparametrize_module(model, {**parameters, **buffers}):
        loss = objective(model, Batch(x), state)
        grads = torch.autograd.grad(loss.value, list(parameters.values()))
    return loss.value.detach(), grads, loss.metrics, loss.state, loss.buffers


def test_traced_equals_eager_bitwise(machine, objective):
    x = data(machine)
    state = objective.init(machine, x)
    args = (dict(machine.named_parameters()), dict(machine.named_buffers()), x, state)
    graph = make_fx(lambda *a: flat(machine, objective, *a), tracing_mode="fake", _allow_non_fake_inputs=True)(*args)
    other = (*args[:2], x.flip(0), {name: chains.flip(0) for name, chains in state.items()})
    for inputs in (args, other):
        torch.manual_seed(9)
        eager = tree_leaves(flat(machine, objective, *inputs))
        torch.manual_seed(9)
        assert all(torch.equal(a, b) for a, b in zip(eager, tree_leaves(graph(*inputs)), strict=True))


def test_validation_rows(machine):
    x = data(machine)
    rows = ContrastiveDivergence().validate(machine, Batch(x))
    assert set(rows) >= {"loss", "free_energy"}
    assert all(value.shape == (20,) and value.isfinite().all() for value in rows.values())
    assert (rows["free_energy"] + machine.log_sum({machine.data: x})).min() > -1e-8


@pytest.mark.parametrize("how", [{"positive": "guess"}, {"sweeps": 0}])
def test_bad_input(how):
    with pytest.raises(RecipeError, match="must"):
        ContrastiveDivergence(**how)
