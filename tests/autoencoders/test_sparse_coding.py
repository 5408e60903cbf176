"""Sparse coding: codes at the minimum, atoms that are recovered, refusals."""

import pytest
import torch

from genlatent import fit, load_data
from genlatent.autoencoders.sparse_coding import SparseCoding, largest_eigenvalue, shrinking
from genlatent.data.dataset import Dataset
from genlatent.errors import DataError, RecipeError, Unsupported
from genlatent.objectives.base import Batch
from genlatent.training.optimizer import Optimizer


def energy(x, D, z, weight):
    return (x - z @ D).square().sum(1) + weight * z.abs().sum(1)


@pytest.fixture
def problem(device):
    D = torch.nn.functional.normalize(torch.randn(12, 8, dtype=torch.float64, device=device))
    return torch.randn(5, 8, dtype=torch.float64, device=device), D


@pytest.mark.parametrize(("accelerated", "iterations"), [(True, 4000), (False, 20_000)])
def test_codes_satisfy_the_conditions_of_the_minimum(problem, accelerated, iterations):
    r"""2 d_j (x - D z) is lambda sign(z_j) where z_j is on, and no larger than lambda where it is off."""
    x, D = problem
    z = shrinking(x, D, 0.4, iterations, accelerated=accelerated)
    slope = 2 * (x - z @ D) @ D.T
    on = z != 0
    assert 0 < on.sum() < z.numel()
    torch.testing.assert_close(slope[on], 0.4 * z[on].sign(), rtol=1e-5, atol=1e-6)
    assert (slope[~on].abs() <= 0.4 + 1e-6).all()


def test_fista_is_ahead_of_ista(problem):
    x, D = problem
    best = energy(x, D, shrinking(x, D, 0.4, 5000), 0.4)
    fast, slow = (energy(x, D, shrinking(x, D, 0.4, 30, accelerated=a), 0.4) - best for a in (True, False))
    assert fast.mean() < 0.5 * slow.mean()


def test_orthonormal_atoms_have_a_closed_form(device):
    x = torch.randn(6, 4, device=device)
    expected = x.sign() * (x.abs() - 0.25).clamp_min(0)
    torch.testing.assert_close(shrinking(x, torch.eye(4, device=device), 0.5, 40), expected)


def test_the_step_is_set_by_the_largest_eigenvalue(problem):
    _, D = problem
    torch.testing.assert_close(largest_eigenvalue(D), torch.linalg.matrix_norm(D, 2).square())


def test_the_gradient_is_that_of_the_least_energy(device):
    """Numerical differences of min_z E, which move the codes as well."""
    model = SparseCoding((5,), 7, weight=0.3, iterations=4000).double().to(device)
    x = torch.randn(4, 5, dtype=torch.float64, device=device)
    model.objective()(model, Batch(x), {}).value.backward()
    direction, h = torch.randn_like(model.directions), 1e-5
    sides = []
    for step in (h, -h):
        with torch.no_grad():
            model.directions += step * direction
            sides.append(-model.score(x).mean())
            model.directions -= step * direction
    expected = (sides[0] - sides[1]) / (2 * h)
    torch.testing.assert_close((model.directions.grad * direction).sum(), expected, rtol=1e-4, atol=1e-6)


def test_planted_atoms_are_found():
    atoms = torch.nn.functional.normalize(torch.randn(8, 10))
    z = torch.randn(2100, 8).sign() * (1 + torch.rand(2100, 8)) * (torch.rand(2100, 8) < 0.15)
    x = z @ atoms
    data = Dataset(x[:2000], x[2000:2050], x[2050:], torch.Size([10]), "real", "planted")
    model = SparseCoding((10,), 12, weight=0.1, iterations=60)
    fit(model, data, optimizer=Optimizer("adam", 2e-2, schedule="linear"), steps=600, batch_size=200)
    assert (atoms @ model.dictionary().detach().T).abs().amax(1).min() > 0.98


def test_verbs_and_score(device):
    model, x = SparseCoding((1, 4, 4), 20).to(device), torch.rand(6, 1, 4, 4, device=device)
    z = model.encode(x)
    assert z.shape == (6, 20)
    torch.testing.assert_close(model.reconstruct(x), model.decode(z))
    torch.testing.assert_close(model.score(x), -model.objective().validate(model, Batch(x))["loss"])
    torch.testing.assert_close(model.dictionary().norm(dim=1), torch.ones(20, device=device))


def test_a_heavier_weight_leaves_fewer_units_on():
    x, on = load_data("digits").train[:50], []
    for weight in (0.1, 1.0, 10.0):
        torch.manual_seed(1)
        model = SparseCoding((1, 8, 8), 40, weight=weight)
        model.prepare(x)
        on.append((model.encode(x) != 0).float().mean())
    assert on[0] > 1.5 * on[1] > 2 * on[2]


def test_refusals():
    for arguments, message in (
        ({"atoms": 0}, "atoms and iterations must be at least 1"),
        ({"weight": -1.0}, "weight must not be negative"),
        ({"method": "lars"}, "method must be one of fista, ista"),
    ):
        with pytest.raises(RecipeError, match=message):
            SparseCoding((4,), **arguments)
    model = SparseCoding((4,))
    with pytest.raises(DataError, match="NaN"):
        model.encode(torch.full((2, 4), torch.nan))
    with pytest.raises(Unsupported, match="SparseCoding cannot sample"):
        model.sample(2)
