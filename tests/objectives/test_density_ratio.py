"""The total correlation that a classifier tells: exact where it is known, and each part sees only its gradient."""

import math

import pytest
import torch

from genlatent import FactorVAE
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch
from genlatent.objectives.density_ratio import DensityRatio, permuted
from genlatent.objectives.elbo import ELBO


@pytest.fixture
def model(device):
    return FactorVAE((6,), 2, encoder=MLP((8,)), decoder=MLP((8,)), classifier=(32, 32)).to(device)


@pytest.fixture
def x(device):
    return (torch.rand(32, 6, device=device) < 0.4).float()


def test_permuting_keeps_every_dimension_and_breaks_their_bond(device):
    z = torch.randn(2000, 1, device=device).expand(2000, 3) * torch.tensor([1.0, 2.0, -1.0], device=device)
    mixed = permuted(z)
    assert torch.equal(mixed.sort(0).values, z.sort(0).values)
    assert (mixed.T.corrcoef() - torch.eye(3, device=device)).abs().max() < 5 / 2000**0.5


def test_the_classifier_finds_the_total_correlation_of_a_normal(device):
    """Correlation 0.8 in two dimensions: -1/2 log(1 - 0.64)."""
    objective = DensityRatio(2, hidden=(64, 64)).to(device)
    adam = torch.optim.Adam(objective.parameters(), lr=3e-3)
    chol = torch.linalg.cholesky(torch.tensor([[1.0, 0.8], [0.8, 1.0]]))  # the same rows on every device
    for _ in range(1500):
        adam.zero_grad()
        objective.mistaken((torch.randn(512, 2) @ chol.T).to(device)).backward()
        adam.step()
    with torch.no_grad():
        told = objective.told((torch.randn(20_000, 2) @ chol.T).to(device)).mean()
    assert float(told) == pytest.approx(-0.5 * math.log(1 - 0.64), abs=0.06)


def test_each_part_sees_only_its_own_gradient(model, x, device):
    objective = model.objective()
    torch.manual_seed(1)
    loss = objective(model, Batch(x), {})
    of_classifier = torch.autograd.grad(loss.value, list(objective.parameters()), retain_graph=True)
    with torch.no_grad():
        z = _codes(model, x)
        torch.rand(0, device=device)
    weighted = DensityRatio(2, gamma=0.0, hidden=(32, 32)).to(x.device)
    weighted.load_state_dict(objective.state_dict())
    torch.manual_seed(1)
    without = weighted(model, Batch(x), {})
    for a, b in zip(of_classifier, torch.autograd.grad(without.value, list(weighted.parameters()), retain_graph=True)):
        torch.testing.assert_close(a, b)
    torch.manual_seed(1)
    plain = ELBO()(model, Batch(x), {})
    for a, b in zip(*(torch.autograd.grad(one.value, list(model.parameters())) for one in (without, plain))):
        torch.testing.assert_close(a, b)
    assert z.shape == (32, 2)


def _codes(model, x):
    torch.manual_seed(1)
    return model.infer(x).sample()


def test_the_models_gradient_is_that_of_the_weighted_logit(model, x):
    objective = model.objective()
    torch.manual_seed(1)
    found = torch.autograd.grad(objective(model, Batch(x), {}).value, list(model.parameters()))
    torch.manual_seed(1)
    plain = ELBO()(model, Batch(x), {}).value
    torch.manual_seed(1)
    z = model.infer(x).rsample()
    expected = torch.autograd.grad(plain + 10 * objective.classifier(z).mean(), list(model.parameters()))
    for a, b in zip(found, expected):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_impossible_arguments():
    with pytest.raises(ValueError, match="gamma"):
        DensityRatio(2, gamma=-1.0)
