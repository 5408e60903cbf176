"""Deep belief nets against sums over every state of a small one."""

import itertools

import pytest
import torch

from genlatent.energy.dbn import DeepBeliefNet
from genlatent.energy.units import Gaussian, Spin
from genlatent.errors import DataError, RecipeError, Unsupported
from tests.machines import skewed


def bits(count):
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=count))).double()


@pytest.fixture(params=[(3,), (3, 2), (3, 2, 3)], ids=str)
def net(request):
    return skewed(DeepBeliefNet(4, request.param), 0.7).double()


def exact(net):
    """log p(v) of every v, by the chain rule downwards from the top RBM."""
    *lower, top = [bits(size) for size in net.sizes[:-1]]
    log_p = net.top.log_prob(top)
    for layer, below, above in zip(reversed(net.generation), reversed(lower), reversed([*lower[1:], top])):
        p = layer(above).sigmoid()
        given = below @ p.log().T + (1 - below) @ (1 - p).log().T
        log_p = (given + log_p).logsumexp(1)
    return bits(net.sizes[0]), log_p


def test_it_is_a_distribution(net):
    assert abs(exact(net)[1].exp().sum() - 1) < 1e-10


def test_draws_have_the_exact_marginals(net):
    v, log_p = exact(net)
    draws = net.sample(40_000, steps=40, generator=torch.Generator().manual_seed(1))
    assert (draws.mean(0) - log_p.exp() @ v).abs().max() < 4.5 * 0.5 / 40_000**0.5
    pairs, expected = draws.T @ draws / len(draws), torch.einsum("s,si,sj->ij", log_p.exp(), v, v)
    assert (pairs - expected).abs().max() < 4.5 * 0.5 / 40_000**0.5


def test_score_estimates_a_bound(net):
    """The mean of the draws is compared with the sum over all hidden states, and that with the likelihood."""
    v, log_p = exact(net)
    hidden = [bits(size) for size in net.sizes[1:-1]]
    bound = torch.zeros(len(v)).double()
    for states in itertools.product(*hidden):
        full = [v, *(s.expand(len(v), -1) for s in states)]
        log_q = net.log_recognition(full) * torch.ones(len(v))
        weight = net.log_generation(full) - net.top.free_energy(full[-1]) - log_q
        bound = bound + log_q.exp() * weight
    bound = bound - net.top.log_partition_exact()
    assert (bound < log_p + 1e-9).all()
    found = net.bound(v, samples=4000, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(found, bound, atol=0.1)


def test_recognition_that_inverts_generation_makes_the_bound_tight():
    net = skewed(DeepBeliefNet(4, (1, 2)), 0.7).double()
    v, log_p = exact(net)
    with torch.no_grad():  # one hidden unit: its posterior is a logistic function of v, and of nothing else
        above, below = net.generation[0].weight[:, 0], net.generation[0].bias
        on, off = (net.top.free_energy(torch.full((1, 1), s).double()) for s in (1.0, 0.0))
        net.recognition[0].weight.copy_(above.unsqueeze(0))
        field = (below + above).exp().add(1).log().sum() - below.exp().add(1).log().sum()
        net.recognition[0].bias.copy_((off - on) - field)
    assert torch.allclose(net.bound(v, samples=400, generator=torch.Generator().manual_seed(2)), log_p, atol=0.15)
    states = [v, torch.ones(len(v), 1).double()]
    weight = net.log_generation(states) - net.top.free_energy(states[-1]) - net.log_recognition(states)
    assert torch.allclose(weight - net.top.log_partition_exact(), log_p)


def test_missing_values_are_imputed(net):
    v, log_p = exact(net)
    row = torch.tensor([[1.0, torch.nan, 0, torch.nan]]).double()
    fits = (row.isnan() | (v == row)).all(1)
    p = log_p[fits].softmax(0)
    found = net.impute(row.repeat(2000, 1), draws=40, burn_in=40, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(found.mean(0), p @ v[fits], atol=0.02)


def test_a_stack_is_adopted_and_the_top_stays_a_machine(net):
    layers = [skewed(layer, seed=n).double() for n, layer in enumerate(net.stack())]
    assert [(layer.visible, layer.hidden) for layer in layers] == list(zip(net.sizes, net.hidden))
    net.adopt(layers)
    x = bits(4)
    code = x
    for layer in layers:
        code = layer.hidden_units.mean(layer.field("hidden", {"visible": code}))
    assert torch.allclose(net.encode(x), code)
    back = code
    for layer in reversed(layers):
        back = layer.decode(back)
    assert torch.allclose(net.decode(code), back)
    assert torch.equal(net.top.W, layers[-1].W)


def test_unrolled_it_is_the_same_way_up_and_down(net):
    unrolled, x = net.unroll(), bits(4)
    assert torch.allclose(unrolled.encode(x), net.encode(x))
    assert torch.allclose(unrolled.reconstruct(x), net.reconstruct(x))
    assert unrolled.decoder.layers[0].weight.data_ptr() != net.top.W.data_ptr()


def test_its_classifier_sees_the_code(net):
    classifier = net.classifier(3)
    assert torch.allclose(classifier.encoder(bits(4)), net.encode(bits(4)))


def test_other_units():
    net = DeepBeliefNet(4, (3, 2), visible_units=Gaussian())
    assert net.unroll().support == "real"
    assert net.sample(2, steps=2).shape == (2, 4)
    with pytest.raises(Unsupported, match="spin units"):
        DeepBeliefNet(4, (3,), visible_units=Spin()).unroll()


def test_bad_input():
    with pytest.raises(RecipeError, match="hidden lists the units of each hidden layer"):
        DeepBeliefNet(4, ())
    with pytest.raises(DataError, match="binary"):
        DeepBeliefNet(4, (3, 2)).score(torch.full((2, 4), 0.5))
