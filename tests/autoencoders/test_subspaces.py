"""What principal component analysis can do, and what it cannot."""

import pytest
import torch

from genlatent import Autoencoder, fit, load_data
from genlatent.data.dataset import Dataset
from genlatent.networks.mlp import MLP
from genlatent.networks.tied import Tied
from genlatent.training.optimizer import Optimizer

SPREAD = (3.0, 2.0, 1.5, 0.8, 0.6, 0.4, 0.3, 0.2)


@pytest.fixture(scope="module")
def gaussian():
    """Correlated Gaussian rows whose training part is centred."""
    basis = torch.linalg.qr(torch.randn(8, 8, dtype=torch.float64))[0]
    x = torch.randn(500, 8, dtype=torch.float64) * torch.tensor(SPREAD, dtype=torch.float64) @ basis.T
    x = x - x[:400].mean(0)
    return Dataset(x[:400], x[400:450], x[450:], torch.Size([8]), "real", "gaussian")


def principal(x, k):
    """An orthonormal basis of the k largest components, one a row."""
    return torch.linalg.svd(x - x.mean(0), full_matrices=False).Vh[:k]


def error(x, components):
    return (x - x @ components.T @ components).square().sum(1).mean()


@pytest.mark.parametrize("tied", [True, False])
def test_a_linear_one_is_principal_component_analysis(gaussian, tied):
    model = Autoencoder((8,), 3, encoder=MLP(()), decoder=Tied() if tied else MLP(())).double()
    fit(model, gaussian, optimizer=Optimizer("lbfgs", 1.0), steps=20, batch_size=400)
    x, found = gaussian.train, principal(gaussian.train, 3)
    weight = model.encoder.layers[0].weight.T if tied else model.decoder.layers[0].weight
    basis = torch.linalg.qr(weight.detach())[0]
    sine = torch.linalg.svdvals(basis - found.T @ (found @ basis)).max()
    assert sine.asin() < 1e-3
    assert -model.score(x).mean() / error(x, found) - 1 < 1e-5


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "softplus"])
def test_two_nonlinear_layers_do_no_better_on_a_gaussian(gaussian, activation):
    encoder = MLP((), output_activation=activation)
    model = Autoencoder((8,), 3, encoder=encoder, decoder=MLP(())).double()
    fit(model, gaussian, optimizer=Optimizer("lbfgs", 1.0), steps=100, batch_size=400)
    best = error(gaussian.train, principal(gaussian.train, 3))
    assert 1 <= -model.score(gaussian.train).mean() / best < 1.02


@pytest.mark.slow
def test_a_deep_one_unrolls_what_no_plane_fits():
    data = load_data("swiss-roll", n=2000, dimensions=3)
    model = Autoencoder((3,), 2, encoder=MLP((64, 64)), decoder=MLP((64, 64)))
    optimizer = Optimizer("adam", 3e-3, schedule="cosine")
    fit(model, data, optimizer=optimizer, steps=3000, batch_size=200)
    mean = data.train.mean(0)
    flat = error(data.test - mean, principal(data.train, 2))
    assert -model.score(data.test).mean() < 0.4 * flat
