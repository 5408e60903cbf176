"""Quantised codes: nothing is lost where the cells are the values, and uniform noise is where it should be."""

import pytest
import torch

from genlatent import VQVAE, Autoencoder, load_data
from genlatent.data.dataset import Dataset
from genlatent.errors import RecipeError, Unsupported
from genlatent.evaluation.compression import Quantiser, compression_curve, entropy
from genlatent.evaluation.reconstruction import squared_error
from genlatent.model import Model


class Itself(Model):
    """The code of a row is the row."""

    event_shape = torch.Size([3])

    def encode(self, x):
        return x.clone()

    def decode(self, z):
        return z.clone()


def uniform(rows=4000):
    torch.manual_seed(0)
    train, test = torch.rand(rows, 3), torch.rand(rows, 3)
    train[0], train[1] = 0.0, 1.0
    return Dataset(train, test[:10], test, torch.Size([3]), "unit", "uniform")


def test_uniform_values_lose_a_twelfth_of_the_squared_cell():
    for point in compression_curve(Itself(), uniform(), (1, 3, 6)):
        low, high = point.distortion.interval
        margin = high - low  # twice a 95 % interval about the mean
        assert abs(point.distortion.value - 3 * 4.0**-point.bits / 12) < margin
        assert point.rate == 3 * point.bits
        assert point.rate - 0.1 < point.entropy <= point.rate


def test_values_in_the_middle_of_cells_are_kept():
    codes = torch.tensor([[0.125], [0.375], [0.625], [0.875]])
    ends = torch.tensor([[0.0], [1.0]])
    found = Quantiser(ends, 2)(codes)
    assert torch.equal(found.codes, codes)
    assert found.cells.flatten().tolist() == [0, 1, 2, 3]


def test_a_constant_code_costs_nothing_and_is_kept():
    constant = torch.full((5, 2), 3.0)
    found = Quantiser(constant, 4)(constant)
    assert torch.equal(found.codes, constant)
    assert entropy(found.cells) == 0


def test_entropy_by_hand():
    assert entropy(torch.tensor([[0], [0], [0], [7]])) == pytest.approx(0.811278, abs=1e-6)


def test_many_bits_give_the_reconstruction_error(device):
    data, model = load_data("digits").to(device), Autoencoder((1, 8, 8), latent=6).to(device)
    few, many = compression_curve(model, data, (1, 12))
    whole = squared_error(model, data.test)
    assert many.distortion.value == pytest.approx(whole.value, rel=1e-3)
    assert few.entropy < many.entropy


def test_bad_input():
    with pytest.raises(RecipeError, match="bits must be between 1 and 16"):
        compression_curve(Itself(), uniform(20), (0,))
    with pytest.raises(Unsupported, match="whole numbers"):
        compression_curve(VQVAE((1, 8, 8), codes=2, codebook=8, embedding=3), load_data("digits", binarise="threshold"))
