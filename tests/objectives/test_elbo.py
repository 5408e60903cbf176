"""The bound against a hand-written one, against Pyro's own, and traced against eager."""

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import Trace_ELBO, TraceMeanField_ELBO
from torch import nn
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.functional import binary_cross_entropy_with_logits

from genlatent.distributions.base import Posterior
from genlatent.distributions.likelihoods import Gaussian
from genlatent.latent.vae import VAE
from genlatent.networks.convolutional import ConvDecoder, ConvEncoder
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch
from genlatent.objectives.elbo import ELBO

BATCH, LATENT = 16, 3


class Bits(Posterior):
    """A posterior without pathwise gradients."""

    def forward(self, params):
        return dist.Bernoulli(logits=params).to_event(1)


COINS = dist.Bernoulli(torch.full((LATENT,), 0.3))


@pytest.fixture
def x(device):
    return (torch.rand(BATCH, 1, 4, 4, device=device) < 0.3).float()


def vae(device, **parts):
    return VAE((1, 4, 4), LATENT, encoder=MLP((8,)), decoder=MLP((8,)), **parts).to(device)


def loss_and_gradients(objective, model, x, progress=1.0, seed=1):
    torch.manual_seed(seed)
    loss = objective(model, Batch(x, None, progress), {})
    return loss.value, torch.autograd.grad(loss.value, list(model.parameters()))


def assert_same(found, expected, rtol=1e-6):
    torch.testing.assert_close(found[0], expected[0], rtol=rtol, atol=1e-7)
    for a, b in zip(found[1], expected[1], strict=True):
        torch.testing.assert_close(a, b, rtol=rtol, atol=rtol * float(b.abs().max()) + 1e-9)


def by_hand(model, x, seed=1, particles=1, beta=1.0, observed=None):
    """The bound in plain torch, with no part of the library but the layers."""
    torch.manual_seed(seed)
    rows = x.flatten(1)
    mean, log_variance = model.encoder.layers(rows).chunk(2, -1)
    shape = mean.shape if particles == 1 else (particles, *mean.shape)
    noise = torch.normal(torch.zeros(shape, device=x.device), torch.ones(shape, device=x.device))
    logits = model.decoder.layers(mean + (log_variance / 2).exp() * noise)
    cells = binary_cross_entropy_with_logits(logits, rows.expand_as(logits), reduction="none")
    if observed is not None:
        cells = cells * observed.flatten(1)
    kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(-1)
    value = (cells.sum(-1) + beta * kl).mean()
    return value, torch.autograd.grad(value, list(model.parameters()))


def pyros(elbo, model, x, seed=1):
    """The same by Pyro's own loss, which sums over rows."""
    torch.manual_seed(seed)
    with pyro.get_param_store().scope():
        value = elbo.differentiable_loss(model.model, model.guide, x) / len(x)
    return value, torch.autograd.grad(value, list(model.parameters()))


@pytest.mark.parametrize("particles", [1, 4])
@pytest.mark.parametrize("beta", [1.0, 0.5])
def test_equals_a_hand_written_bound(particles, beta, x, device):
    model = vae(device)
    found = loss_and_gradients(ELBO(particles, beta), model, x)
    assert_same(found, by_hand(model, x, particles=particles, beta=beta))


@pytest.mark.parametrize("particles", [1, 4])
def test_missing_cells_equal_a_hand_written_mask(particles, x, device):
    model = vae(device, missing=True)
    observed = torch.rand_like(x) < 0.7
    holed = torch.where(observed, x, torch.nan)
    found = loss_and_gradients(ELBO(particles), model, holed)
    assert_same(found, by_hand(model, torch.where(observed, x, 0.0), particles=particles, observed=observed))


@pytest.mark.parametrize("particles", [1, 4])
def test_closed_form_equals_pyros(particles, x, device):
    model = vae(device)
    theirs = TraceMeanField_ELBO(num_particles=particles, vectorize_particles=particles > 1, max_plate_nesting=1)
    assert_same(loss_and_gradients(ELBO(particles), model, x), pyros(theirs, model, x))


@pytest.mark.parametrize("particles", [1, 4])
@pytest.mark.parametrize(
    "parts", [{}, {"prior": dist.Laplace(0.0, 1.0)}, {"prior": COINS, "posterior": Bits()}], ids=str
)
def test_monte_carlo_equals_pyros(particles, parts, x, device):
    model = vae(device, **parts)
    theirs = Trace_ELBO(num_particles=particles, vectorize_particles=particles > 1, max_plate_nesting=1)
    assert_same(loss_and_gradients(ELBO(particles, analytic=False), model, x), pyros(theirs, model, x), rtol=3e-6)


def test_score_function_gradient_is_that_of_the_enumerated_bound(device):
    """One latent bit: the estimate's mean against the gradient of the sum over both values."""
    x = (torch.rand(4, 1, 4, 4, device=device) < 0.3).float()
    model = VAE((1, 4, 4), 1, prior=dist.Bernoulli(0.3), posterior=Bits(), encoder=MLP((8,)), decoder=MLP((8,))).to(
        device
    )
    bits = torch.tensor([[[0.0]], [[1.0]]], device=device).expand(2, 4, 1)
    q = model.infer(x)
    log_p = model.likelihood(model.params(bits)).log_prob(x) + model.prior().log_prob(bits)
    weights = q.log_prob(bits)
    exact = -(weights.exp() * (log_p - weights)).sum(0).mean()
    expected = torch.autograd.grad(exact, list(model.parameters()))
    draws = [loss_and_gradients(ELBO(500), model, x, seed=seed)[1] for seed in range(40)]
    for index, gradient in enumerate(expected):
        found = torch.stack([draw[index] for draw in draws])
        error = found.std(0) / len(draws) ** 0.5
        assert ((found.mean(0) - gradient).abs() <= 6 * error + 1e-6).all()


def test_closed_form_and_monte_carlo_agree_on_average(x, device):
    model = vae(device)
    exact, sampled = (ELBO(4000, analytic=analytic).validate(model, Batch(x))["kl"] for analytic in (True, False))
    torch.testing.assert_close(sampled, exact, atol=0.15, rtol=0.1)


def test_warm_up_weighs_the_divergence_by_progress(x, device):
    model = vae(device)
    for progress, weight in ((0.0, 0.0), (0.1, 0.5), (0.2, 1.0), (0.9, 1.0)):
        value, _ = loss_and_gradients(ELBO(beta=2.0, warmup=0.2), model, x, progress)
        expected, _ = by_hand(model, x, beta=2.0 * weight)
        torch.testing.assert_close(value, expected)


def test_metrics_are_the_bound_at_beta_one(x, device):
    model = vae(device)
    torch.manual_seed(1)
    metrics = ELBO(beta=7.0)(model, Batch(x), {}).metrics
    torch.testing.assert_close(metrics["loss"], by_hand(model, x)[0].detach())
    torch.testing.assert_close(metrics["loss"], metrics["kl"] + metrics["reconstruction"])
    assert not any(value.requires_grad for value in metrics.values())


def test_validate_gives_rows(x, device):
    model = vae(device)
    torch.manual_seed(1)
    rows = ELBO(3, beta=7.0).validate(model, Batch(x))
    assert {name: tuple(value.shape) for name, value in rows.items()} == dict.fromkeys(
        ("loss", "kl", "reconstruction"), (BATCH,)
    )
    torch.testing.assert_close(rows["loss"].mean(), by_hand(model, x, particles=3)[0].detach())


@pytest.mark.parametrize(
    ("args", "message"),
    [({"particles": 0}, "particles must be at least 1"), ({"beta": -1.0}, "beta"), ({"warmup": 2.0}, "warmup is a")],
)
def test_impossible_arguments(args, message):
    with pytest.raises(ValueError, match=message):
        ELBO(**args)


def recorded(objective, model, x):
    """The graph of loss and gradients, recorded without running, and its inputs."""
    buffers = dict(model.named_buffers())

    def flat(parameters, buffers, x, progress):
        parameters = {name: p.detach().requires_grad_() for name, p in parameters.items()}
        buffers = {name: b.clone() for name, b in buffers.items()}
        with torch.enable_grad(), nn.utils.stateless._reparametrize_module(model, {**parameters, **buffers}):
            loss = objective(model, Batch(x, None, progress), {})
            return loss.value.detach(), torch.autograd.grad(loss.value, list(parameters.values())), loss.metrics

    parameters = {name: p.detach() for name, p in model.named_parameters()}
    inputs = (parameters, buffers, x, torch.tensor(0.3, device=x.device))
    with pyro.validation_enabled(False), pyro.get_param_store().scope():
        graph = make_fx(flat, tracing_mode="fake", _allow_non_fake_inputs=True)(*inputs)
    assert not [n.target for n in graph.graph.nodes if n.op == "get_attr" and _learns(graph, n.target)]
    return graph, inputs


def traced(objective, model, x, seed=1):
    """Loss and gradients by the graph."""
    graph, inputs = recorded(objective, model, x)
    torch.manual_seed(seed)
    return graph(*inputs)[:2]


def _learns(graph, name):
    return getattr(getattr(graph, name), "requires_grad", False)


PROGRAMS = {
    "closed form": ({}, ELBO()),
    "particles and warm-up": ({}, ELBO(4, beta=0.5, warmup=0.5)),
    "monte carlo": ({}, ELBO(2, analytic=False)),
    "missing": ({"missing": True}, ELBO()),
    "plain prior": ({"prior": dist.Laplace(0.0, 1.0)}, ELBO(2)),
    "expanded prior, made under validation": ({"prior": dist.StudentT(5.0, 0.0, 1.0).expand([LATENT])}, ELBO()),
    "score function": ({"prior": COINS, "posterior": Bits()}, ELBO(2)),
    "learned scale": ({"likelihood": Gaussian("learned")}, ELBO()),
    "per-output scale": ({"likelihood": Gaussian("per-output")}, ELBO()),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_traced_equals_eager(name, x, device):
    parts, objective = PROGRAMS[name]
    model = vae(device, **parts)
    assert_same(traced(objective, model, x), loss_and_gradients(objective, model, x, torch.tensor(0.3)))


def test_convolutions_traced_equal_eager(device):
    x = (torch.rand(BATCH, 1, 8, 8, device=device) < 0.3).float()
    model = VAE((1, 8, 8), LATENT, encoder=ConvEncoder((4,)), decoder=ConvDecoder((4,))).to(device)
    assert_same(traced(ELBO(2), model, x), loss_and_gradients(ELBO(2), model, x, torch.tensor(0.3)), rtol=1e-5)


def test_tracing_draws_nothing_and_leaves_pyro_alone(x, device):
    model = vae(device)
    before = torch.get_rng_state()
    recorded(ELBO(), model, x)
    assert torch.equal(torch.get_rng_state(), before)
    assert not dict(pyro.get_param_store().items())
    assert pyro.distributions.is_validation_enabled()
