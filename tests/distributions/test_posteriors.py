"""The posterior: its parameters, and its divergence from the prior."""

import pytest
import torch
from scipy.stats import norm
from torch.distributions import kl_divergence

from genlatent.distributions.posteriors import DiagonalNormal
from genlatent.distributions.priors import StandardNormal

NUM_DRAWS, FALSE_ALARM = 20_000, 1e-6


@pytest.fixture
def pair():
    q, p = DiagonalNormal([3]), StandardNormal([3])
    params = torch.tensor([[0.5, -1.0, 2.0, 0.3, -1.5, 0.0]])
    return q(params), p(), params


def test_outputs_are_means_then_log_variances(pair):
    q, _, params = pair
    torch.testing.assert_close(q.mean, params[:, :3])
    torch.testing.assert_close(q.variance, params[:, 3:].exp())


def test_divergence_in_closed_form(pair):
    q, p, params = pair
    mean, log_variance = params.chunk(2, -1)
    expected = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(-1)
    torch.testing.assert_close(kl_divergence(q, p), expected)


def test_divergence_is_the_mean_of_the_log_ratio(pair):
    q, p, _ = pair
    z = q.sample((NUM_DRAWS,))
    ratio = q.log_prob(z) - p.log_prob(z)
    bound = norm.isf(FALSE_ALARM / 2) * ratio.std(0) / NUM_DRAWS**0.5
    assert ((ratio.mean(0) - kl_divergence(q, p)).abs() < bound).all()


def test_draws_follow_the_parameters_pathwise(pair):
    params = torch.zeros(2, 6, requires_grad=True)
    DiagonalNormal([3])(params).rsample().sum().backward()
    assert (params.grad[:, :3] == 1).all()
    assert (params.grad[:, 3:] != 0).all()


def test_a_latent_of_two_dimensions():
    posterior = DiagonalNormal([2, 3])
    assert posterior.num_params(torch.Size([2, 3])) == 12
    assert posterior(torch.zeros(5, 12)).event_shape == (2, 3)
