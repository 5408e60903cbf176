"""A linear-Gaussian VAE is probabilistic principal component analysis: at its optimum, and where training leads."""

import pytest
import torch
from scipy.stats import norm

from genlatent import BetaVAE, fit
from genlatent.data.sources import load_data
from genlatent.distributions.likelihoods.gaussian import Gaussian
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch
from genlatent.objectives.iwae import IWAE
from genlatent.training.optimizer import Optimizer

NOISE = 0.5


@pytest.fixture
def rows(device):
    """Six dimensions, two of them large and turned into the others."""
    scales = torch.tensor([3.0, 2.0, 0.5, 0.5, 0.5, 0.5])
    turned = torch.linalg.qr(torch.randn(6, 6))[0]
    return ((torch.randn(600, 6) * scales) @ turned.T + 1).to(device)


def linear(beta, device):
    model = BetaVAE((6,), 2, encoder=MLP(()), decoder=MLP(()), likelihood=Gaussian(NOISE), beta=beta)
    return model.to(device)


def components(x):
    """Principal directions as columns, and the variance along each."""
    _, singular, directions = torch.linalg.svd(x - x.mean(0), full_matrices=False)
    return directions.T, singular.square() / len(x)


@pytest.mark.parametrize("beta", [0.5, 1.0, 3.0])
def test_the_closed_form_optimum_is_a_stationary_point(beta, rows, device):
    r"""At beta it is that of a noise beta times as large: :math:`w_j^2 = \lambda_j - \beta \sigma^2`."""
    x = rows.double()
    model, (directions, variances) = linear(beta, device).double(), components(x)
    noise, variances = beta * NOISE**2, variances[:2]
    loadings = directions[:, :2] * (variances - noise).sqrt()
    gain = loadings.T / variances[:, None]
    with torch.no_grad():
        model.decoder.layers[0].weight.copy_(loadings)
        model.decoder.layers[0].bias.copy_(x.mean(0))
        model.encoder.layers[0].weight.copy_(torch.cat([gain, 0 * gain]))
        model.encoder.layers[0].bias.copy_(torch.cat([-gain @ x.mean(0), (noise / variances).log()]))
    parameters = list(model.parameters())
    runs = [torch.autograd.grad(model.objective()(model, Batch(x), {}).value, parameters) for _ in range(150)]
    found = torch.stack([torch.cat([gradient.flatten() for gradient in run]) for run in runs])
    bound = norm.isf(1e-5 / 2 / found.shape[1]) * found.std(0) / len(found) ** 0.5
    assert (found.mean(0).abs() < bound + 1e-9).all()


@pytest.mark.parametrize("objective", [None, IWAE(3)], ids=["elbo", "iwae"])
def test_training_finds_the_principal_subspace(objective, rows, device):
    model, data = linear(1.0, device), load_data(rows.cpu(), valid=0.1, test=0.1)
    optimizer = Optimizer(learning_rate=2e-2, schedule="linear")
    fit(model, data, objective=objective, epochs=150, batch_size=120, optimizer=optimizer, validate_every=150)
    principal = components(data.train)[0][:, :2]
    learned = torch.linalg.qr(model.decoder.layers[0].weight.detach().cpu())[0]
    sine = (learned - principal @ (principal.T @ learned)).norm(2)
    assert float(sine) < 0.05, "of the largest angle between the two planes"
