"""The up-down algorithm against the exact gradients of its parts."""

import itertools

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils.stateless import _reparametrize_module

from genlatent.components import build, describe
from genlatent.energy.dbn import DeepBeliefNet
from genlatent.objectives.base import Batch
from genlatent.objectives.wake_sleep import WakeSleep
from tests.machines import Exact, skewed

MANY = 200_000


def bits(device, count):
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=count)), device=device).double()


@pytest.fixture(params=[(3,), (3, 2), (3, 2, 3)], ids=str)
def net(request, device):
    return skewed(DeepBeliefNet(4, request.param), 0.5).to(device).double()


def gradients(net, value):
    found = torch.autograd.grad(value, list(net.parameters()), allow_unused=True)
    return dict(zip(dict(net.named_parameters()), found))


def test_awake_it_has_the_gradient_of_the_bound(net, device):
    """Generation weights and the top machine climb E_q[log p(v, h)], its expectation over q and p taken exactly."""
    x, objective = bits(device, 4)[[3, 5, 12]], WakeSleep(centred=False)
    top = Exact(net.top)
    chains = top.states["visible"][torch.multinomial(top.probability.detach(), MANY, replacement=True)]
    torch.manual_seed(1)
    found = gradients(net, objective(net, Batch(x.repeat(MANY // 3, 1)), {"chains": chains}).value)
    torch.manual_seed(2)
    states, _ = net.up(x.repeat(MANY // 3, 1))
    joint = net.log_generation(states) + net.top.log_prob(states[-1])
    exact = gradients(net, -joint.mean())
    for name in [name for name in found if not name.startswith("recognition")]:
        assert (found[name] - exact[name]).abs().max() < 4.5 * 2**0.5 * 2 / MANY**0.5, name


def test_asleep_recognition_learns_the_posterior_of_dreams(device):
    """At the fixed point of the dreams' average, q(h | v) is p(h | v): one hidden unit can be exactly right."""
    torch.manual_seed(0)
    net, objective = skewed(DeepBeliefNet(4, (1, 2)), 0.7).to(device).double(), WakeSleep(chains=2000, centred=False)
    state, x = objective.init(net, bits(device, 4)), bits(device, 4)
    recognition = list(net.recognition.parameters())
    for step in range(600):
        loss = objective(net, Batch(x), state)
        state = loss.state
        for p, g in zip(recognition, torch.autograd.grad(loss.value, recognition)):
            p.data -= (2 if step < 400 else 0.2) * g
    states = [x, torch.ones(len(x), 1, device=device).double()]
    log_p = net.log_generation(states) - net.top.free_energy(states[1])
    off = [x, torch.zeros(len(x), 1, device=device).double()]
    other = net.log_generation(off) - net.top.free_energy(off[1])
    assert torch.allclose(net.recognition[0](x).squeeze(1), (log_p - other).detach(), atol=0.25)


def flat(net, objective, parameters, x, state):
    parameters = {name: p.detach().requires_grad_() for name, p in parameters.items()}
    with _reparametrize_module(net, parameters):
        loss = objective(net, Batch(x), state)
        grads = torch.autograd.grad(loss.value, list(parameters.values()))
    return [loss.value.detach(), *grads, *loss.state.values(), *loss.buffers.values()]


@pytest.mark.parametrize("persistent", [True, False])
def test_traced_equals_eager_bitwise(net, persistent, device):
    objective, x = WakeSleep(persistent=persistent, chains=5), bits(device, 4)
    args = dict(net.named_parameters()), x, objective.init(net, x)
    graph = make_fx(lambda *a: flat(net, objective, *a), tracing_mode="fake", _allow_non_fake_inputs=True)(*args)
    torch.manual_seed(9)
    eager = flat(net, objective, *args)
    torch.manual_seed(9)
    assert all(torch.equal(a, b) for a, b in zip(eager, graph(*args), strict=True))


def test_offsets_of_the_top_machine_move(net, device):
    loss = WakeSleep()(net, Batch(bits(device, 4)), WakeSleep().init(net, bits(device, 4)))
    own = {"top.hidden_offset"} | ({"top.visible_offset"} if len(net.hidden) > 1 else set())
    assert set(loss.buffers) == own <= set(dict(net.named_buffers()))
    assert WakeSleep(centred=False)(net, Batch(bits(device, 4)), WakeSleep().init(net, bits(device, 4))).buffers == {}


def test_validation_rows(net, device):
    rows = WakeSleep().validate(net, Batch(bits(device, 4)))
    expected = (net.reconstruct(bits(device, 4)) - bits(device, 4)).square().sum(1)
    assert torch.allclose(rows["reconstruction"], expected)
    if len(net.hidden) == 1:
        assert torch.allclose(rows["loss"], -net.top.pseudo_likelihood(bits(device, 4)))
    assert rows["loss"].shape == (16,)


def test_described_and_rebuilt(device):
    objective = WakeSleep(steps=2, chains=7, persistent=False)
    assert describe(build(describe(objective))) == describe(objective)
    assert describe(DeepBeliefNet(2, (2, 2)).to(device).objective()) == {"name": "wake-sleep"}
