"""Noise taken away: 0 dB for nothing, 6.02 dB for half of it."""

import math

import pytest
import torch

from genlatent import Autoencoder, load_data
from genlatent.data.corruptions import GaussianNoise, SaltAndPepper
from genlatent.errors import DataError
from genlatent.evaluation.downstream.denoising import denoising, gain, median_filtered
from genlatent.model import Model


@pytest.fixture(scope="module")
def digits():
    return load_data("digits")


class Keeping(Model):
    """Gives back rows with a part of their distance from what it was told is clean."""

    event_shape = torch.Size([1, 8, 8])

    def __init__(self, clean, part):
        super().__init__()
        self.clean, self.part, self.done = clean, part, 0

    def reconstruct(self, x):
        clean = self.clean[self.done : self.done + len(x)]
        self.done += len(x)
        return clean + self.part * (x - clean)


@pytest.mark.parametrize(("part", "decibels"), [(1.0, 0.0), (0.5, 20 * math.log10(2)), (2.0, -20 * math.log10(2))])
def test_known_gains(part, decibels, digits):
    found = denoising(Keeping(digits.test, part), digits, GaussianNoise(0.3))[0]
    assert found.value == pytest.approx(decibels, abs=1e-4)
    assert found.interval == pytest.approx((decibels, decibels), abs=1e-3)


def test_the_interval_covers_the_known_gain():
    covered = 0
    for seed in range(100):
        rows = torch.rand(2, 200, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        low, high = gain(10 * rows[0], rows[1]).sides
        covered += low < 10 < high
    assert covered >= 85  # of 100 intervals of 95 %: fewer with probability 1e-4


def test_a_median_takes_single_pixels_away():
    x = torch.zeros(2, 1, 5, 5)
    x[0, 0, 2, 2], x[1, 0, 0, 0] = 1.0, 1.0
    assert not median_filtered(x).any()
    flat = torch.full((1, 3, 4, 4), 0.5)
    assert torch.equal(median_filtered(flat), flat)


def test_records_of_model_and_filter(digits, device):
    data = digits.to(device)
    found = denoising(Autoencoder((1, 8, 8), latent=8).to(device), data, SaltAndPepper(0.1))
    assert [record.method for record in found] == [
        f"{name}; SaltAndPepper(p=0.1)" for name in ("Autoencoder", "median filter, 3 x 3")
    ]
    again = denoising(Autoencoder((1, 8, 8), latent=8).to(device), data, SaltAndPepper(0.1))
    assert again[1] == found[1]
    assert len(denoising(Autoencoder(64, latent=8).to(device), data, SaltAndPepper(0.1))) == 1


def test_nothing_spoiled(digits):
    with pytest.raises(DataError, match="nothing was spoiled"):
        denoising(Autoencoder((1, 8, 8), latent=8), digits, GaussianNoise(0.0))
    assert gain(torch.ones(2), torch.zeros(2)).value == math.inf
