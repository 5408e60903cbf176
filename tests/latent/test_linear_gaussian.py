"""A linear-Gaussian VAE, whose posterior and marginal are known exactly."""

import math

import pytest
import torch
from torch import nn

from genlatent.distributions.likelihoods import Gaussian
from genlatent.latent.vae import VAE
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch
from genlatent.objectives.elbo import ELBO

PIXELS, LATENT, NOISE = 7, 3, 0.6


@pytest.fixture
def exact(device):
    r"""The VAE with orthogonal loadings W at its exact posterior, and the marginal N(b, W W' + s^2 I)."""
    loadings = torch.linalg.qr(torch.randn(PIXELS, LATENT).double())[0] * torch.tensor([2.0, 1.0, 0.3]).double()
    offset = torch.randn(PIXELS).double()
    model = VAE((PIXELS,), LATENT, likelihood=Gaussian(NOISE), encoder=MLP(()), decoder=MLP(())).double()
    variance = 1 / (1 + (loadings**2).sum(0) / NOISE**2)
    gain = variance[:, None] * loadings.T / NOISE**2
    with torch.no_grad():
        _set(model.decoder, loadings, offset)
        _set(model.encoder, torch.cat([gain, 0 * gain]), torch.cat([-gain @ offset, variance.log()]))
    covariance = loadings @ loadings.T + NOISE**2 * torch.eye(PIXELS).double()
    marginal = torch.distributions.MultivariateNormal(offset.to(device), covariance.to(device))
    return model.to(device), marginal


def _set(network: nn.Module, weight, bias):
    network.layers[0].weight.copy_(weight)
    network.layers[0].bias.copy_(bias)


@pytest.fixture
def x(device):
    return 3 * torch.randn(20, PIXELS, dtype=torch.float64, device=device) - 1


def test_every_draw_gives_the_exact_marginal(exact, x):
    model, marginal = exact
    weights = model.log_weights(x, num_samples=50)
    torch.testing.assert_close(weights, marginal.log_prob(x).expand(50, 20), atol=1e-9, rtol=0)
    torch.testing.assert_close(model.score(x), marginal.log_prob(x), atol=1e-9, rtol=0)


def test_the_bound_is_tight(exact, x):
    model, marginal = exact
    sampled = ELBO(3, analytic=False).validate(model, Batch(x))["loss"]
    torch.testing.assert_close(sampled, -marginal.log_prob(x), atol=1e-9, rtol=0)
    closed = ELBO(20_000).validate(model, Batch(x))["loss"]
    torch.testing.assert_close(closed, -marginal.log_prob(x), atol=0.1, rtol=0)


def test_gradients_at_the_exact_posterior_are_those_of_the_marginal(exact, x):
    """The encoder's vanish, the decoder's follow the marginal likelihood."""
    model, _ = exact
    weight, bias = model.decoder.layers[0].weight, model.decoder.layers[0].bias
    covariance = weight @ weight.T + NOISE**2 * torch.eye(PIXELS, dtype=torch.float64, device=x.device)
    marginal = torch.distributions.MultivariateNormal(bias, covariance)
    expected = torch.autograd.grad(-marginal.log_prob(x).mean(), [weight, bias])
    parameters = [*model.encoder.parameters(), weight, bias]
    runs = [torch.autograd.grad(ELBO(500)(model, Batch(x), {}).value, parameters) for _ in range(40)]
    for index, gradient in enumerate([0.0, 0.0, *expected]):
        found = torch.stack([run[index] for run in runs])
        assert ((found.mean(0) - gradient).abs() <= 6 * found.std(0) / len(runs) ** 0.5 + 1e-12).all()


def test_importance_samples_find_the_marginal_from_a_wrong_posterior(exact, x):
    model, marginal = exact
    with torch.no_grad():
        model.encoder.layers[0].bias[:LATENT] += 0.1
    found = model.score(x, num_samples=20_000)
    torch.testing.assert_close(found, marginal.log_prob(x), atol=0.05, rtol=0)
    lower = model.log_weights(x, 20_000).mean(0)
    assert (lower < marginal.log_prob(x) - 0.001).all()


def test_samples_have_the_marginals_covariance(exact, device):
    model, marginal = exact
    draws = model.sample(40_000, generator=torch.Generator(device).manual_seed(0))
    scale = marginal.variance.max() * 6 * math.sqrt(2 / 40_000)
    assert (draws.T.cov() - marginal.covariance_matrix).abs().max() < scale
    assert (draws.mean(0) - marginal.mean).abs().max() < 6 * (marginal.variance.max() / 40_000).sqrt()


def test_codes_are_posterior_means(exact, x):
    model, marginal = exact
    loadings = model.decoder.layers[0].weight
    expected = (x - marginal.mean) @ torch.linalg.inv(marginal.covariance_matrix) @ loadings
    torch.testing.assert_close(model.encode(x), expected.detach())
