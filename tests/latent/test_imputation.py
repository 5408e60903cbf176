"""Filling gaps, against the conditional normal of a linear-Gaussian model, and for every kind of column."""

import pytest
import torch

from genlatent import components
from genlatent.distributions.likelihoods import Bernoulli, Categorical, Columns, Gaussian
from genlatent.errors import DataError, Unsupported
from genlatent.latent.vae import VAE
from genlatent.networks.mlp import MLP

PIXELS, LATENT, NOISE, CODES = 5, 2, 0.7, 4000


@pytest.fixture
def exact(device):
    """A linear-Gaussian VAE with a rough encoder, and its marginal."""
    model = VAE((PIXELS,), LATENT, Gaussian(NOISE), encoder=MLP(()), decoder=MLP(())).double().to(device)
    weight, bias = model.decoder.layers[0].weight, model.decoder.layers[0].bias
    with torch.no_grad():
        weight.copy_(torch.randn(PIXELS, LATENT))
        bias.copy_(torch.randn(PIXELS))
        for parameter in model.encoder.parameters():
            parameter.mul_(0.1)
    covariance = weight @ weight.T + NOISE**2 * torch.eye(PIXELS, dtype=torch.float64, device=device)
    return model, bias.detach(), covariance.detach()


@pytest.fixture
def x(device):
    x = torch.randn(12, PIXELS, dtype=torch.float64, device=device)
    gaps = torch.rand(x.shape, device=device) < 0.5
    gaps[0], gaps[1] = True, False
    return torch.where(gaps, torch.nan, x)


def conditional(row, mean, covariance):
    r"""Mean and covariance of what is missing: :math:`\mu_m + \Sigma_{mo} \Sigma_{oo}^{-1} (x_o - \mu_o)`."""
    m, o = row.isnan(), ~row.isnan()
    gain = covariance[m][:, o] @ torch.linalg.inv(covariance[o][:, o])
    return mean[m] + gain @ (row[o] - mean[o]), covariance[m][:, m] - gain @ covariance[o][:, m]


def stream(device, seed=0):
    return torch.Generator(device).manual_seed(seed)


def test_the_mean_is_that_of_the_conditional_normal(exact, x, device):
    model, mean, covariance = exact
    runs = torch.stack([model.impute(x, num_samples=CODES, generator=stream(device, i)) for i in range(12)])
    spread = runs.std(0) / len(runs) ** 0.5
    for found, error, row in zip(runs.mean(0), spread, x):
        expected, _ = conditional(row, mean, covariance)
        assert ((found[row.isnan()] - expected).abs() < 6 * error[row.isnan()] + 0.02).all()
    assert (spread.amax() < 0.05).all()


def test_draws_have_the_conditional_covariance(exact, x, device):
    model, mean, covariance = exact
    draws = model.imputations(x[:4], 1000, num_samples=1000, generator=stream(device))
    assert draws.shape == (1000, 4, PIXELS)
    for row, found in zip(x[:4], draws.unbind(1)):
        if row.isnan().any():
            expected, spread = conditional(row, mean, covariance)
            assert (found[:, row.isnan()].mean(0) - expected).abs().max() < 0.2
            assert (found[:, row.isnan()].T.cov() - spread).abs().max() < 0.35 * spread.abs().max()


def test_observed_cells_are_untouched_and_nothing_is_left_open(exact, x, device):
    model, _, _ = exact
    found, draws = model.impute(x), model.imputations(x, 3)
    assert found.isfinite().all()
    assert draws.isfinite().all()
    for filled in (found, *draws):
        assert torch.equal(filled[~x.isnan()], x[~x.isnan()])
    assert torch.equal(found[1], x[1])
    assert not torch.equal(draws[0], draws[1])


def test_it_is_done_in_pieces_and_leaves_the_model_as_it_was(exact, x, device, monkeypatch):
    model, _, _ = exact
    model.train()
    state, random = {n: t.clone() for n, t in model.state_dict().items()}, torch.get_rng_state()
    monkeypatch.setattr("genlatent.latent.base.ROWS_AT_ONCE", 3 * 50)
    first, again = (model.impute(x, num_samples=50, generator=stream(device)) for _ in range(2))
    assert torch.equal(first, again)
    assert not model.missing
    assert model.training
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())


def test_every_kind_of_column_is_filled_in_its_own_way(device):
    likelihood = Columns([Gaussian(0.5), Categorical(3), Bernoulli()], [[0], [1], [2]])
    model = VAE((3,), 2, likelihood, encoder=MLP((8,)), decoder=MLP((8,)), missing=True).to(device)
    x = torch.tensor([[torch.nan, 2.0, 1.0], [0.3, torch.nan, 0.0], [0.1, 1.0, torch.nan]], device=device)
    found = model.impute(x)
    assert found[1, 1] in (0, 1, 2), "the most probable class"
    assert 0 < found[2, 2] < 1, "the probability of a 1"
    draws = model.imputations(x, 20)
    model.likelihood.check(draws.flatten(0, 1))
    assert draws[:, 0, 0].std() > 0.1


def test_bad_questions(exact, x):
    model, _, _ = exact
    with pytest.raises(ValueError, match="num_samples must be at least 2"):
        model.impute(x, num_samples=1)
    x[2, 2] = torch.inf
    with pytest.raises(DataError, match="Gaussian: inf in row 2, column 2"):
        model.impute(x)
    with pytest.raises(Unsupported, match="SparseCoding has no 'impute'"):
        components.build({"name": "sparse-coding", "event_shape": [5], "atoms": 2}, "model").impute(x)
