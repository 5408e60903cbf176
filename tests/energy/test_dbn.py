"""Deep belief nets against sums over every state of a small one."""

import itertools

import pytest
import torch
from scipy.stats import chisquare

from genlatent.energy.dbn import DeepBeliefNet
from genlatent.energy.units import Gaussian, Spin
from genlatent.errors import DataError, RecipeError, Unsupported
from tests.machines import skewed


def bits(device, count):
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=count)), device=device).double()


@pytest.fixture(params=[(3,), (3, 2), (3, 2, 3)], ids=str)
def net(request, device):
    return skewed(DeepBeliefNet(4, request.param), 0.7).to(device).double()


def exact(device, net):
    """log p(v) of every v, by the chain rule downwards from the top RBM."""
    *lower, top = [bits(device, size) for size in net.sizes[:-1]]
    log_p = net.top.log_prob(top)
    for layer, below, above in zip(reversed(net.generation), reversed(lower), reversed([*lower[1:], top])):
        p = layer(above).sigmoid()
        given = below @ p.log().T + (1 - below) @ (1 - p).log().T
        log_p = (given + log_p).logsumexp(1)
    return bits(device, net.sizes[0]), log_p


def test_it_is_a_distribution(net, device):
    assert abs(exact(device, net)[1].exp().sum() - 1) < 1e-10


def test_draws_have_the_exact_marginals(net, device):
    v, log_p = exact(device, net)
    draws = net.sample(40_000, steps=40, generator=torch.Generator(device).manual_seed(1))
    assert (draws.mean(0) - log_p.exp() @ v).abs().max() < 4.5 * 0.5 / 40_000**0.5
    pairs, expected = draws.T @ draws / len(draws), torch.einsum("s,si,sj->ij", log_p.exp(), v, v)
    assert (pairs - expected).abs().max() < 4.5 * 0.5 / 40_000**0.5


def test_score_estimates_a_bound(net, device):
    """The mean of the draws is compared with the sum over all hidden states, and that with the likelihood."""
    v, log_p = exact(device, net)
    hidden = [bits(device, size) for size in net.sizes[1:-1]]
    bound = torch.zeros(len(v), device=device).double()
    for states in itertools.product(*hidden):
        full = [v, *(s.expand(len(v), -1) for s in states)]
        log_q = net.log_recognition(full) * torch.ones(len(v), device=device)
        weight = net.log_generation(full) - net.top.free_energy(full[-1]) - log_q
        bound = bound + log_q.exp() * weight
    bound = bound - net.top.log_partition_exact()
    assert (bound < log_p + 1e-9).all()
    found = net.bound(v, samples=4000, generator=torch.Generator(device).manual_seed(2))
    assert torch.allclose(found, bound, atol=0.1)


def test_recognition_that_inverts_generation_makes_the_bound_tight(device):
    net = skewed(DeepBeliefNet(4, (1, 2)), 0.7).to(device).double()
    v, log_p = exact(device, net)
    with torch.no_grad():  # one hidden unit: its posterior is a logistic function of v, and of nothing else
        above, below = net.generation[0].weight[:, 0], net.generation[0].bias
        on, off = (net.top.free_energy(torch.full((1, 1), s, device=device).double()) for s in (1.0, 0.0))
        net.recognition[0].weight.copy_(above.unsqueeze(0))
        field = (below + above).exp().add(1).log().sum() - below.exp().add(1).log().sum()
        net.recognition[0].bias.copy_((off - on) - field)
    assert torch.allclose(net.bound(v, samples=400, generator=torch.Generator(device).manual_seed(2)), log_p, atol=0.15)
    states = [v, torch.ones(len(v), 1, device=device).double()]
    weight = net.log_generation(states) - net.top.free_energy(states[-1]) - net.log_recognition(states)
    assert torch.allclose(weight - net.top.log_partition_exact(), log_p)


def test_missing_values_are_imputed(net, device):
    v, log_p = exact(device, net)
    row = torch.tensor([[1.0, torch.nan, 0, torch.nan]], device=device).double()
    fits = (row.isnan() | (v == row)).all(1)
    p = log_p[fits].softmax(0)
    found = net.impute(row.repeat(2000, 1), draws=40, burn_in=40, generator=torch.Generator(device).manual_seed(1))
    assert torch.allclose(found.mean(0), p @ v[fits], atol=0.02)


def test_pixels_can_be_given(net, device):
    """Every completion as often as the sum over all states says; given pixels stay."""
    v, log_p = exact(device, net)
    row = torch.tensor([1.0, torch.nan, 0, torch.nan], device=device).double()
    fits = (row.isnan() | (v == row)).all(1)
    drawn = net.sample(8000, given={"x": row}, steps=60, generator=torch.Generator(device).manual_seed(1))
    assert (drawn[:, [0, 2]] == row[[0, 2]]).all()
    seen = torch.stack([(drawn == one).all(1).sum() for one in v[fits]])
    expected = log_p[fits].softmax(0) * len(drawn)
    assert chisquare(seen.tolist(), expected.tolist()).pvalue > 1e-4
    each = torch.stack((row, torch.tensor([torch.nan, 0, 1, 1], device=device).double()))
    assert torch.equal(net.sample(2, given={"x": each}, steps=3)[1, 1:], each[1, 1:])


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"x": [1.0, 0, 0, 1]}, "nothing to sample; put NaN"),
        ({"x": torch.full((2, 4), torch.nan)}, "2 rows for 3 draws"),
        ({"x": [0.5, torch.nan, 0, 0]}, "0.5 in row 0, column 0 is not binary"),
        ({"y": 1}, "cannot be conditioned on 'y'; it knows: x"),
    ],
)
def test_what_cannot_be_given(given, sentence, device):
    with pytest.raises((DataError, RecipeError), match=sentence):
        DeepBeliefNet(4, (3, 2)).to(device).sample(3, given=given)


def test_a_stack_is_adopted_and_the_top_stays_a_machine(net, device):
    layers = [skewed(layer, seed=n).to(device).double() for n, layer in enumerate(net.stack())]
    assert [(layer.visible, layer.hidden) for layer in layers] == list(zip(net.sizes, net.hidden))
    net.adopt(layers)
    x = bits(device, 4)
    code = x
    for layer in layers:
        code = layer.hidden_units.mean(layer.field("hidden", {"visible": code}))
    assert torch.allclose(net.encode(x), code)
    back = code
    for layer in reversed(layers):
        back = layer.decode(back)
    assert torch.allclose(net.decode(code), back)
    assert torch.equal(net.top.W, layers[-1].W)


def test_unrolled_it_is_the_same_way_up_and_down(net, device):
    unrolled, x = net.unroll(), bits(device, 4)
    assert torch.allclose(unrolled.encode(x), net.encode(x))
    assert torch.allclose(unrolled.reconstruct(x), net.reconstruct(x))
    assert unrolled.decoder.layers[0].weight.data_ptr() != net.top.W.data_ptr()


def test_its_classifier_sees_the_code(net, device):
    classifier = net.classifier(3)
    assert torch.allclose(classifier.encoder(bits(device, 4)), net.encode(bits(device, 4)))


def test_other_units(device):
    net = DeepBeliefNet(4, (3, 2), visible_units=Gaussian()).to(device)
    assert net.unroll().support == "real"
    assert net.sample(2, steps=2).shape == (2, 4)
    with pytest.raises(Unsupported, match="spin units"):
        DeepBeliefNet(4, (3,), visible_units=Spin()).to(device).unroll()


def test_bad_input(device):
    with pytest.raises(RecipeError, match="hidden lists the units of each hidden layer"):
        DeepBeliefNet(4, ())
    with pytest.raises(DataError, match="binary"):
        DeepBeliefNet(4, (3, 2)).to(device).score(torch.full((2, 4), 0.5, device=device))
