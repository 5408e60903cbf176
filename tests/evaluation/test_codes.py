"""Codes of labelled rows, standardised by the training rows."""

import pytest
import torch

from genlatent import Autoencoder, load_data
from genlatent.errors import DataError, RecipeError
from genlatent.evaluation.codes import codes_of, standardised


def test_rows_without_a_class_are_left_out(device):
    data = load_data("digits", num_labels=100).to(device)
    codes = codes_of(Autoencoder((1, 8, 8), latent=4).to(device), data)
    assert codes.train.codes.shape == (100, 4)
    assert len(codes.test.labels) == len(data.test)


def test_training_codes_have_mean_0_and_variance_1(device):
    data, model = load_data("digits").to(device), Autoencoder((1, 8, 8), latent=4).to(device)
    codes = codes_of(model, data)
    assert torch.allclose(codes.train.codes.mean(0), torch.zeros(4, device=device), atol=1e-5)
    assert torch.allclose(codes.train.codes.square().mean(0), torch.ones(4, device=device), atol=1e-4)
    raw = model.encode(data.train)
    expected = (model.encode(data.test) - raw.mean(0)) / raw.std(0, correction=0)
    assert torch.allclose(codes.test.codes, expected, atol=1e-4)


def test_a_constant_value_becomes_zero(device):
    train, test = standardised(torch.full((3, 1), 7.0, device=device), torch.full((2, 1), 9.0, device=device))
    assert not train.any()
    assert not test.any()


def test_classes_are_needed(device):
    with pytest.raises(DataError, match="has no classes"):
        codes_of(
            Autoencoder(2, latent=1).to(device),
            load_data(torch.randn(50, 2, device=device).numpy(force=True)).to(device),
        )


def test_one_scale_for_all_keeps_the_proportions_of_the_values(device):
    data, model = load_data("digits").to(device), Autoencoder((1, 8, 8), latent=4).to(device)
    codes, raw = codes_of(model, data, "all"), model.encode(data.train)
    assert torch.allclose(codes.train.codes.square().mean(), torch.ones((), device=device), atol=1e-4)
    expected = (model.encode(data.test) - raw.mean(0)) / (raw - raw.mean(0)).square().mean().sqrt()
    assert torch.allclose(codes.test.codes, expected, atol=1e-4)
    with pytest.raises(RecipeError, match="scale must be one of each, all, got 'none'"):
        codes_of(model, data, "none")
