"""Gaps filled by an autoencoder: rebuilt over and over, and nearer to the truth than the mean of what is known."""

from dataclasses import replace

import pytest
import torch

from genlatent import Autoencoder, GenerativeAutoencoder, StackedAutoencoder, fit, load_data
from genlatent.data.corruptions import Masking
from genlatent.distributions.reconstructions import CrossEntropy
from genlatent.errors import DataError
from genlatent.networks.mlp import MLP
from genlatent.training.optimizer import Optimizer


@pytest.fixture(scope="module")
def digits():
    return load_data("digits")


@pytest.fixture(scope="module")
def gappy(digits):
    """The digits, of which 30 % of the pixels are missing everywhere."""
    drawn_from = torch.Generator().manual_seed(1)
    parts = {
        name: torch.where(torch.rand(x.shape, generator=drawn_from) < 0.3, torch.nan, x)
        for name, x in (("train", digits.train), ("valid", digits.valid), ("test", digits.test))
    }
    return replace(digits, **parts, missing=True)


def diagonal():
    """Rows in the plane projected on the line on which both values are equal."""
    model = Autoencoder((2,), 1, encoder=MLP(()), decoder=MLP(()))
    with torch.no_grad():
        model.encoder.layers[0].weight.copy_(torch.tensor([[0.5, 0.5]]))
        model.decoder.layers[0].weight.copy_(torch.tensor([[1.0], [1.0]]))
    return model


@pytest.mark.parametrize("rounds", [1, 3, 40])
def test_on_a_line_each_round_goes_half_of_the_way(rounds, device):
    x = torch.tensor([[3.0, torch.nan], [torch.nan, -1.0], [1.0, 5.0]], device=device)
    there = 1 - 0.5**rounds
    expected = torch.tensor([[3.0, 3.0 * there], [-1.0 * there, -1.0], [1.0, 5.0]], device=device)
    torch.testing.assert_close(diagonal().to(device).impute(x, rounds=rounds), expected)


def parts(kind):
    networks = {"encoder": MLP((64,)), "decoder": MLP((64,)), "loss": CrossEntropy()}
    if kind == "stacked":
        return StackedAutoencoder((1, 8, 8), (64, 16), loss=CrossEntropy(), missing=True)
    if kind == "masking":
        return Autoencoder((1, 8, 8), 16, **networks, corruption=Masking(0.3))
    return Autoencoder((1, 8, 8), 16, **networks, missing=kind == "missing")


def error(filled, gappy, x):
    """Mean squared error of the values that were missing."""
    return float((filled - x)[gappy.isnan()].square().mean())


@pytest.mark.parametrize(("kind", "better"), [("missing", 0.6), ("masking", 0.75), ("plain", 0.75), ("stacked", 0.8)])
def test_it_beats_the_mean_on_digits_with_gaps(kind, better, digits, gappy):
    model = parts(kind)
    data = gappy if model.missing else digits
    fit(model, data, epochs=30, batch_size=100, optimizer=Optimizer(learning_rate=5e-3, schedule="linear"))
    by_mean = torch.where(gappy.test.isnan(), digits.train.mean(0), gappy.test)
    filled = model.impute(gappy.test)
    assert error(filled, gappy.test, digits.test) < better * error(by_mean, gappy.test, digits.test)
    assert torch.equal(filled[~gappy.test.isnan()], gappy.test[~gappy.test.isnan()])


def test_a_density_on_the_codes_changes_nothing(digits):
    model = Autoencoder((1, 8, 8), 4)
    x = digits.test[:5].clone()
    x[:, :, 3] = torch.nan
    assert torch.equal(GenerativeAutoencoder(model, 2).impute(x), model.impute(x))


def test_bad_input(digits):
    model = Autoencoder((1, 8, 8), 4, loss=CrossEntropy())
    with pytest.raises(ValueError, match="rounds must be a whole number of at least 1, got 0"):
        model.impute(digits.test, rounds=0)
    with pytest.raises(DataError, match="CrossEntropy"):
        model.impute(digits.test + 2)
