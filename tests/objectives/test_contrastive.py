import itertools

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils.stateless import _reparametrize_module
from torch.utils._pytree import tree_leaves

from genlatent.components import build, describe
from genlatent.energy.rbm import RBM
from genlatent.errors import RecipeError
from genlatent.objectives.base import Batch
from genlatent.objectives.contrastive import ContrastiveDivergence
from tests.machines import Exact, rbm

OBJECTIVES = {
    "pcd": ContrastiveDivergence(chains=30),
    "pcd-3": ContrastiveDivergence(steps=3, chains=30),
    "cd-2": ContrastiveDivergence(steps=2, persistent=False),
    "plain": ContrastiveDivergence(chains=30, centred=False),
}


@pytest.fixture(params=OBJECTIVES)
def objective(request):
    return OBJECTIVES[request.param]


@pytest.fixture
def batch(device):
    return Batch((torch.rand(20, 6, device=device) < 0.3).float())


def gradients(model, loss):
    return dict(zip(dict(model.named_parameters()), torch.autograd.grad(loss.value, list(model.parameters()))))


def recipe(objective, model, d, v):
    """The update written by hand: gradients of the log-likelihood for W, b, c, and the hidden means of the data."""
    W, b, c = (t.detach() for t in (model.W, model.b, model.c))

    def samp(a):
        return (torch.rand_like(a) < a.sigmoid()).to(a.dtype)

    for _ in range(objective.steps):
        v = samp(samp(v @ W + c) @ W.T + b)
    hd, hm = (d @ W + c).sigmoid(), (v @ W + c).sigmoid()
    zero = 1.0 if objective.centred else 0.0
    mu, la = zero * model.visible_offset, zero * model.hidden_offset
    dv, dh = d.mean(0) - v.mean(0), hd.mean(0) - hm.mean(0)
    g = d.T @ hd / len(d) - v.T @ hm / len(v) - torch.outer(mu, dh) - torch.outer(dv, la)
    return {"visible_hidden_weight": g, "visible_bias": dv - g @ la, "hidden_bias": dh - mu @ g}, hd.mean(0), v


def test_update_is_the_recipe_s(objective, batch, device):
    model = rbm().double().to(device)
    x = batch.x.double()
    state = objective.init(model, x)
    torch.manual_seed(4)
    loss = objective(model, Batch(x), state)
    torch.manual_seed(4)
    expected, hidden_mean, chains = recipe(objective, model, x, state.get("chains", x))
    for name, gradient in gradients(model, loss).items():
        assert torch.allclose(-gradient, expected[name], atol=1e-12, rtol=0), name
    if objective.persistent:
        assert torch.equal(loss.state["chains"], chains)
    if objective.centred:
        moved = 0.99 * model.hidden_offset + 0.01 * hidden_mean
        assert torch.allclose(loss.buffers["hidden_offset"], moved)
    assert set(loss.buffers) == ({"hidden_offset"} if objective.centred else set())


def test_value_is_the_free_energy_difference(objective, batch, device):
    model = rbm().to(device)
    loss = objective(model, batch, objective.init(model, batch.x))
    if objective.persistent:
        gap = model.free_energy(batch.x).mean() - model.free_energy(loss.state["chains"]).mean()
        assert torch.allclose(loss.value, gap, atol=1e-5)
    assert torch.equal(loss.metrics["gap"], loss.value.detach())
    assert not any(t.requires_grad for t in (*loss.metrics.values(), *loss.state.values(), *loss.buffers.values()))


def test_chains_of_the_model_give_the_exact_gradient(batch, device):
    model = rbm().to(device).double()
    x = batch.x.double()
    objective = ContrastiveDivergence(chains=200_000, centred=False)
    states, log_p = Exact(model).marginal("visible")
    chains = states[torch.multinomial(log_p.exp(), 200_000, replacement=True)]
    found = gradients(model, objective(model, Batch(x), {"chains": chains}))
    exact = torch.autograd.grad(-model.log_prob(x).mean(), list(model.parameters()))
    for a, b in zip(found.values(), exact):
        assert (a - b).abs().max() < 4.5 * 0.5 / 200_000**0.5


def test_share_scales_the_chains(device):
    model = RBM(4, 3).to(device)
    objective = ContrastiveDivergence(chains=100)
    assert objective.init(model, torch.zeros(2, 4, device=device), 0.25)["chains"].shape == (25, 4)
    assert objective.init(model, torch.zeros(2, 4, device=device), 0.001)["chains"].shape == (1, 4)
    assert ContrastiveDivergence(persistent=False).init(model, torch.zeros(2, 4, device=device)) == {}


def test_chains_start_at_the_base_rates(device):
    model = RBM(4, 3).to(device)
    x = (torch.rand(5000, 4, device=device) < torch.tensor([0.1, 0.4, 0.7, 0.9], device=device)).float()
    model.prepare(x)
    chains = ContrastiveDivergence(chains=20_000).init(model, x)["chains"]
    assert torch.allclose(chains.mean(0), x.mean(0), atol=4.5 * 0.5 / 20_000**0.5)


def flat(model, objective, parameters, buffers, x, state):
    parameters = {name: p.detach().requires_grad_() for name, p in parameters.items()}
    with _reparametrize_module(model, {**parameters, **buffers}):
        loss = objective(model, Batch(x), state)
        grads = torch.autograd.grad(loss.value, list(parameters.values()))
    return loss.value.detach(), grads, loss.metrics, loss.state, loss.buffers


def test_traced_equals_eager_bitwise(objective, batch, device):
    model = rbm().to(device)
    args = (dict(model.named_parameters()), dict(model.named_buffers()), batch.x, objective.init(model, batch.x))
    before = torch.get_rng_state()
    graph = make_fx(lambda *a: flat(model, objective, *a), tracing_mode="fake", _allow_non_fake_inputs=True)(*args)
    assert torch.equal(before, torch.get_rng_state())
    assert not [node for node in graph.graph.nodes if node.op == "get_attr"]
    other = (args[0], args[1], 1 - args[2], {name: 1 - chains for name, chains in args[3].items()})
    for inputs in (args, other):
        torch.manual_seed(9)
        eager = tree_leaves(flat(model, objective, *inputs))
        torch.manual_seed(9)
        assert all(torch.equal(a, b) for a, b in zip(eager, tree_leaves(graph(*inputs)), strict=True))


def test_one_step_costs_four_products_of_matrices(batch, device):
    """Up and down for the chains, one for both free energies, one back: five or six of one batch each."""
    model, objective = rbm().to(device), ContrastiveDivergence(chains=30)
    args = (dict(model.named_parameters()), dict(model.named_buffers()), batch.x, objective.init(model, batch.x))
    graph = make_fx(lambda *a: flat(model, objective, *a), tracing_mode="fake", _allow_non_fake_inputs=True)(*args)
    targets = [str(node.target) for node in graph.graph.nodes]
    assert sum(target in ("aten.mm.default", "aten.addmm.default") for target in targets) == 4


def test_validation_rows(objective, batch, device):
    model = rbm().to(device)
    rows = objective.validate(model, batch)
    assert torch.allclose(rows["loss"], -model.pseudo_likelihood(batch.x))
    assert torch.allclose(rows["free_energy"], model.free_energy(batch.x))
    expected = (model.reconstruct(batch.x) - batch.x).square().sum(1)
    assert torch.allclose(rows["reconstruction"], expected)


def test_validation_of_wide_layers_looks_at_some_sites(device):
    model = RBM(300, 4).to(device)
    x = (torch.rand(2000, 300, device=device) < torch.linspace(0.02, 0.98, 300, device=device)).float()
    model.prepare(x)
    rows = ContrastiveDivergence().validate(model, Batch(x))
    assert abs(rows["loss"].mean() + model.pseudo_likelihood(x).mean()) < 2


def bars_and_stripes(device, size=3):
    bits = torch.tensor(list(itertools.product((0.0, 1.0), repeat=size)), device=device)
    bars = bits.unsqueeze(1).expand(-1, size, -1).reshape(-1, size * size)
    stripes = bits.unsqueeze(2).expand(-1, -1, size).reshape(-1, size * size)
    return torch.cat((bars, stripes))


def descend(model, objective, x, rate, steps=3000):
    """Plain descent with a warm-up and a linear decay to zero."""
    state = objective.init(model, x)
    for step in range(steps):
        loss = objective(model, Batch(x), state)
        state = loss.state
        now = rate * min(1, step / 50) * min(1, (1 - step / steps) / 0.9)
        for name, gradient in gradients(model, loss).items():
            model.get_parameter(name).data -= now * gradient
        for name, value in loss.buffers.items():
            model.get_buffer(name).copy_(value)


@pytest.mark.parametrize(
    "objective",
    [
        ContrastiveDivergence(),
        ContrastiveDivergence(centred=False),
        ContrastiveDivergence(steps=5, persistent=False),
    ],
)
def test_bars_and_stripes_are_learned(objective, device):
    x = bars_and_stripes(device)
    model = RBM(9, 8).to(device)
    model.prepare(x)
    rows, count = torch.unique(x, dim=0, return_counts=True)
    p = count / count.sum()

    def divergence():
        return float((p * (p.log() - model.log_prob(rows).detach())).sum())

    assert divergence() > 3
    descend(model, objective, x, rate=0.4)
    assert divergence() < 0.3


def test_described_and_rebuilt(device):
    objective = ContrastiveDivergence(steps=2, chains=7, centred=False)
    assert describe(build(describe(objective))) == describe(objective)
    assert describe(RBM(2, 2).to(device).objective()) == {"name": "contrastive-divergence"}


@pytest.mark.parametrize("how", [{"steps": 0}, {"chains": 0}, {"memory": 1.5}])
def test_bad_input(how):
    with pytest.raises(RecipeError, match="must"):
        ContrastiveDivergence(**how)
