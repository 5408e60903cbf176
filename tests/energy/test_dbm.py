"""Deep Boltzmann machines: their shape, what they infer, and how a greedily trained stack becomes one."""

import copy

import pytest
import torch

from genlatent import fit, load_data
from genlatent.components import describe
from genlatent.energy.dbm import DeepBoltzmannMachine
from genlatent.energy.doubled import DoubledRBM
from genlatent.energy.rbm import RBM
from genlatent.energy.units import Gaussian, Spin
from genlatent.errors import RecipeError, Unsupported
from genlatent.objectives.base import Batch
from genlatent.objectives.contrastive import ContrastiveDivergence
from genlatent.training.optimizer import Optimizer
from tests.machines import Exact, skewed


def machine(device, *hidden, **units):
    return skewed(DeepBoltzmannMachine(4, hidden, **units)).to(device).double()


@pytest.fixture(params=[(3,), (3, 2), (3, 2, 3), (2, 2, 2, 2)], ids=str)
def deep(request, device):
    return machine(device, *request.param)


def test_odd_and_even_layers_are_drawn_in_turn(deep):
    assert len(deep.blocks) == 2
    assert deep.hidden_layers[0] in deep.blocks[0]
    assert len(deep.couplings) == len(deep.hidden)


def test_score_is_a_bound_and_exact_for_one_hidden_layer(deep):
    exact = Exact(deep)
    v, log_p = exact.marginal("visible")
    found = deep.score(v) - exact.log_partition
    assert (found < log_p + 1e-8).all()
    assert torch.allclose(deep.bound(v), found)
    assert torch.allclose(deep.log_prob(v), log_p)
    if len(deep.hidden) == 1:
        assert torch.allclose(found, log_p)


def test_weakly_coupled_layers_have_their_exact_means(device):
    deep = skewed(DeepBoltzmannMachine(4, (3, 2)), 0.05).to(device).double()
    exact, v = Exact(deep), torch.tensor([[1.0, 0, 1, 1]], device=device).double()
    fits = (exact.states["visible"] == v).all(1)
    p = exact.probability[fits] / exact.probability[fits].sum()
    assert torch.allclose(deep.encode(v)[0], p @ exact.states["hidden_2"][fits], atol=1e-4)
    assert torch.allclose(deep.posterior(v).means["hidden_1"][0], p @ exact.states["hidden_1"][fits], atol=1e-4)


def test_decoding_infers_what_lies_between(device):
    deep = skewed(DeepBoltzmannMachine(4, (3, 2)), 0.05).to(device).double()
    exact, z = Exact(deep), torch.tensor([[1.0, 0]], device=device).double()
    fits = (exact.states["hidden_2"] == z).all(1)
    p = exact.probability[fits] / exact.probability[fits].sum()
    assert torch.allclose(deep.decode(z)[0], p @ exact.states["visible"][fits], atol=1e-4)


@pytest.mark.parametrize("units", [{}, {"visible_units": Gaussian()}, {"hidden_units": Spin()}], ids=str)
def test_it_may_begin_as_a_shallower_machine(device, units):
    """Without the couplings above it is that machine; with small ones it says nearly the same of every row."""
    rbm = skewed(RBM(4, 3, **units)).to(device).double()
    rbm.hidden_offset.fill_(0.3)
    deep = DeepBoltzmannMachine(4, (3, 50), lowest=rbm).to(device).double()
    assert type(deep.units["visible"]) is type(rbm.units["visible"])
    assert type(deep.units["hidden_2"]) is type(rbm.units["hidden"])
    x = torch.rand(6, 4, device=device).double().round()
    torch.testing.assert_close(deep.score(x) - deep.score(x[:1]), rbm.score(x) - rbm.score(x[:1]), atol=0.05, rtol=0)
    with torch.no_grad():
        deep.hidden_1_bias += deep.hidden_1_hidden_2_weight @ deep.hidden_2_offset
        deep.hidden_1_hidden_2_weight.zero_()
    torch.testing.assert_close(deep.score(x) - deep.score(x[:1]), rbm.score(x) - rbm.score(x[:1]))
    torch.testing.assert_close(deep.hidden_1_offset, rbm.hidden_offset)
    assert "lowest" not in describe(deep)


def test_it_may_begin_as_a_deep_machine_of_fewer_layers(device):
    below = machine(device, 3, 2)
    deep = DeepBoltzmannMachine(4, (3, 2, 5), lowest=below).to(device).double()
    for name in ("visible_hidden_1_weight", "hidden_1_hidden_2_weight", "visible_bias", "hidden_1_bias"):
        assert torch.equal(deep.get_parameter(name), below.get_parameter(name))
    felt = deep.hidden_2_hidden_3_weight @ deep.hidden_3_offset
    torch.testing.assert_close(deep.hidden_2_bias, below.hidden_2_bias - felt)


def test_the_layers_below_may_stay_as_they_are(device):
    data = load_data("digits", binarise="threshold").to(device)
    below = RBM((1, 8, 8), 12).to(device)
    below.prepare(data.train)
    deep = DeepBoltzmannMachine((1, 8, 8), (12, 6), lowest=below, frozen=1).to(device)
    before = copy.deepcopy(deep)
    fit(deep, data, steps=20, optimizer=Optimizer("sgd", 0.1))
    for name, moved in (("visible_bias", False), ("visible_hidden_1_weight", False), ("hidden_1_bias", True)):
        assert torch.equal(deep.get_parameter(name), before.get_parameter(name)) != moved
    assert not torch.equal(deep.hidden_1_hidden_2_weight, before.hidden_1_hidden_2_weight)
    whole = DeepBoltzmannMachine((1, 8, 8), (12, 6), lowest=deep).to(device)
    torch.testing.assert_close(whole.score(data.test[:9]), deep.score(data.test[:9]))
    assert all(p.requires_grad for p in whole.parameters())
    with pytest.raises(RecipeError, match="frozen must leave one of 2 couplings to be learned, got 2"):
        DeepBoltzmannMachine(4, (3, 2), frozen=2)


@pytest.mark.parametrize(
    "lowest", [RBM(5, 3), RBM(4, 2), DoubledRBM(4, 3, "visible"), DeepBoltzmannMachine(4, (3, 2, 2))]
)
def test_layers_of_another_shape_are_no_beginning(lowest):
    with pytest.raises(RecipeError, match=r"lowest must be a machine of the lowest layers of \(4, 3, 2\)"):
        DeepBoltzmannMachine(4, (3, 2), lowest=lowest)


def test_chains_may_run_before_the_first_update(device):
    """From the base rates, a long warm-up brings them to the machine's own distribution."""
    rbm = skewed(RBM(4, 3), 2.0).to(device).double()
    exact = Exact(rbm)
    v, log_p = exact.marginal("visible")
    wanted = (log_p.exp()[:, None] * v).sum(0)

    def apart(warm_up):
        chains = ContrastiveDivergence(chains=4000, warm_up=warm_up).init(rbm, v)["chains"]
        return (chains.mean(0) - wanted).abs().max()

    assert apart(0) > 0.1
    assert apart(100) < 5 * 0.5 / 4000**0.5
    with pytest.raises(RecipeError, match="warm_up must not be negative, got -1"):
        ContrastiveDivergence(warm_up=-1)


def test_missing_values_are_imputed(device):
    deep, x = machine(device, 3, 2), torch.tensor([[1.0, torch.nan, 0, torch.nan]], device=device).double()
    exact = Exact(deep, given={"visible": x})
    found = deep.impute(x.repeat(1000, 1), draws=50, burn_in=50, generator=torch.Generator(device).manual_seed(1))
    assert torch.allclose(found.mean(0), exact.mean("visible"), atol=0.02)


@pytest.mark.parametrize("doubled", ["visible", "hidden"])
def test_a_doubled_layer_counts_twice(doubled, device):
    brick = skewed(DoubledRBM(4, 3, doubled)).to(device).double()
    W, b, c = (brick.get_parameter(f"visible_{name}") for name in ("hidden_weight", "bias", "bias"))
    c = brick.get_parameter("hidden_bias")
    v, h = torch.randn(5, 4, device=device).double(), torch.randn(5, 3, device=device).double()
    state = {"visible": v, "hidden": h, "copy": v if doubled == "visible" else h}
    twice_v, twice_h = (2, 1) if doubled == "visible" else (1, 2)
    energy = -twice_v * v @ b - twice_h * h @ c - 2 * ((v @ W) * h).sum(1)
    assert torch.allclose(brick.energy(state), energy)
    bits = (v > 0).double()
    assert torch.allclose(brick.encode(bits), (c + twice_v * bits @ W).sigmoid())
    assert len(list(brick.parameters())) == 3


@pytest.mark.parametrize("doubled", ["visible", "hidden"])
def test_a_doubled_machine_learns_by_the_exact_gradient(doubled, device):
    brick = skewed(DoubledRBM(4, 3, doubled), 0.5).to(device).double()
    x = (torch.rand(3, 4, device=device) < 0.4).double()
    exact, objective = Exact(brick), ContrastiveDivergence(centred=False)
    rows = torch.multinomial(exact.probability.detach(), 200_000, replacement=True)
    chains = {name: s[rows] for name, s in exact.states.items()}
    loss = objective.difference(brick, objective.clamp(brick, Batch(x)), chains)
    found = torch.autograd.grad(loss.value, list(brick.parameters()))
    log_p = brick.log_sum(brick.clamped(x)) - brick.log_partition_exact()
    for a, b in zip(found, torch.autograd.grad(-log_p.mean(), list(brick.parameters())), strict=True):
        assert (a - b).abs().max() < 4.5 * 2 / 200_000**0.5


def test_the_stack_has_doubled_ends(device):
    assert [type(layer) for layer in machine(device, 3).stack()] == [RBM]
    made = machine(device, 3, 2, 5, visible_units=Spin()).stack()
    assert [type(layer) for layer in made] == [DoubledRBM, RBM, DoubledRBM]
    assert [(layer.visible, layer.hidden) for layer in made] == [(4, 3), (3, 2), (2, 5)]
    assert (made[0].doubled, made[-1].doubled) == ("visible", "hidden")
    assert isinstance(made[0].units["visible"], Spin)


@pytest.mark.parametrize("hidden", [(3, 2), (3, 2, 5)])
def test_an_adopted_stack_feels_the_average_of_both_its_machines(hidden, device):
    """A layer's field is the mean of what the machine below and the machine above told it alone."""
    deep = machine(device, *hidden)
    layers = [skewed(layer, seed=n).to(device).double() for n, layer in enumerate(deep.stack())]
    deep.adopt(layers)
    state = {name: torch.randn(6, size, device=device).double() for name, size in deep.sizes.items()}
    names = list(deep.layers)
    for n, name in enumerate(names):
        told = []
        if n > 0:
            below = state[names[n - 1]]
            told.append(layers[n - 1].field("hidden", {"visible": below, **copies(layers[n - 1], "visible", below)}))
        if n < len(layers):
            above = state[names[n + 1]]
            told.append(layers[n].field("visible", {"hidden": above, **copies(layers[n], "hidden", above)}))
        assert torch.allclose(deep.field(name, state), torch.stack(told).mean(0)), name
    assert torch.equal(deep.offsets()["hidden_1"], layers[0].offsets()["hidden"])


def copies(layer, side, s):
    return {"copy": s} if getattr(layer, "doubled", None) == side else {}


def test_one_hidden_layer_is_an_rbm(device):
    deep, rbm = machine(device, 3), RBM(4, 3).to(device).double()
    deep.adopt([skewed(rbm, seed=4).to(device)])
    x = (torch.rand(9, 4, device=device) < 0.5).double()
    assert torch.allclose(deep.log_prob(x), rbm.log_prob(x))
    assert torch.allclose(deep.encode(x), rbm.encode(x), atol=1e-4)
    assert torch.allclose(deep.pseudo_likelihood(x), rbm.pseudo_likelihood(x))


def test_real_data_are_followed_by_their_reconstruction(device):
    deep = DeepBoltzmannMachine(4, (3, 2), visible_units=Gaussian()).to(device)
    rows = deep.objective().validate(deep, Batch(torch.randn(5, 4, device=device)))
    assert torch.equal(rows["loss"], rows["reconstruction"])


def test_bad_input(device):
    with pytest.raises(RecipeError, match=r"hidden lists the units of each hidden layer"):
        DeepBoltzmannMachine(4, ())
    with pytest.raises(RecipeError, match="doubled must be visible or hidden"):
        DoubledRBM(4, 3, "both")
    with pytest.raises(Unsupported, match="at temperature 1"):
        machine(device, 3, 2).free_energy(torch.zeros(1, 4, device=device).double(), beta=0.5)
