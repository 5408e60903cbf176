"""The denoising field: where noisy points are moved, against the optimum known for a Gaussian."""

import torch

from genlatent import Autoencoder, fit
from genlatent.autoencoders.field import denoising_field, plane
from genlatent.data.corruptions import GaussianNoise
from genlatent.data.dataset import Dataset
from genlatent.networks.mlp import MLP
from genlatent.training.optimizer import Optimizer

MEAN = torch.tensor([1.0, -2.0])
COVARIANCE = torch.tensor([[1.0, 0.5], [0.5, 0.6]])


def optimal(points, rows, scale):
    r"""Mean of clean points given a noisy one: :math:`m + \Sigma (\Sigma + s^2 I)^{-1} (x - m)`."""
    mean, covariance = rows.mean(0), rows.T.cov()
    gain = covariance @ torch.linalg.inv(covariance + scale**2 * torch.eye(2))
    return mean + (points - mean) @ gain.T


def test_the_field_is_reconstruction_minus_input(device):
    model = Autoencoder((2,), 2).to(device)
    points = plane(-1, 1, 4).to(device)
    torch.testing.assert_close(denoising_field(model, points), model.reconstruct(points) - points)


def test_on_a_gaussian_it_points_to_the_mean_of_clean_points():
    scale = 0.7
    x = MEAN + torch.randn(20_200, 2) @ torch.linalg.cholesky(COVARIANCE).T
    data = Dataset(x[:20_000], x[20_000:20_100], x[20_100:], torch.Size([2]), "real", "gaussian")
    model = Autoencoder((2,), 2, encoder=MLP(()), decoder=MLP(()), corruption=GaussianNoise(scale))
    fit(model, data, optimizer=Optimizer("adam", 3e-2, schedule="linear"), steps=2000, batch_size=1000)
    points = MEAN + plane(-2, 2, 9)
    found, expected = denoising_field(model, points), optimal(points, data.train, scale) - points
    assert (found - expected).norm() < 0.01 * expected.norm()
