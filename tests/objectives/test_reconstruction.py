"""The reconstruction objective: corruption while training only, and penalties."""

import pytest
import torch

from genlatent.autoencoders.autoencoder import Autoencoder
from genlatent.distributions.likelihoods import Gaussian
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch
from genlatent.objectives.reconstruction import Reconstruction


def erase(x):
    return torch.zeros_like(x)


def size_of_code(model, x, code):
    return code.square().sum(-1)


def autoencoder(device, **parts):
    return Autoencoder((1, 4, 4), 3, encoder=MLP((8,)), decoder=MLP((8,)), **parts).to(device)


@pytest.fixture
def x(device):
    return torch.rand(16, 1, 4, 4, device=device)


def test_equals_a_hand_written_loss(x, device):
    model = autoencoder(device)
    loss = Reconstruction()(model, Batch(x), {})
    rebuilt = model.decoder.layers(model.encoder.layers(x.flatten(1)))
    expected = (rebuilt - x.flatten(1)).square().sum(1).mean()
    torch.testing.assert_close(loss.value, expected)
    for a, b in zip(*(torch.autograd.grad(value, list(model.parameters())) for value in (loss.value, expected))):
        torch.testing.assert_close(a, b)


def test_corruption_is_seen_by_the_encoder_in_training_only(x, device):
    model = autoencoder(device, corruption=erase)
    clean = autoencoder(device)
    clean.load_state_dict(model.state_dict())
    blind = model.loss.loss(model.params(model.encoded(torch.zeros_like(x))), x).mean()
    torch.testing.assert_close(Reconstruction()(model, Batch(x), {}).value, blind)
    rows = [Reconstruction().validate(m, Batch(x))["loss"] for m in (model, clean)]
    assert torch.equal(*rows)
    assert rows[0].shape == (16,)


def test_penalties_are_added_and_named(x, device):
    model = autoencoder(device)
    plain = Reconstruction()(model, Batch(x), {})
    loss = Reconstruction(penalties=(size_of_code,))(model, Batch(x), {})
    extra = model.encoded(x).square().sum(-1).mean()
    torch.testing.assert_close(loss.value, plain.value + extra)
    torch.testing.assert_close(loss.metrics["size_of_code"], extra.detach())
    torch.testing.assert_close(loss.metrics["loss"], plain.metrics["loss"])


def test_missing_cells_do_not_count(x, device):
    model = autoencoder(device, missing=True)
    observed = torch.rand_like(x) < 0.7
    holed = torch.where(observed, x, torch.nan)
    filled = torch.where(observed, x, 0.0)
    expected = ((model.reconstruct(filled) - filled).square() * observed).flatten(1).sum(1)
    torch.testing.assert_close(Reconstruction().validate(model, Batch(holed))["loss"], expected)
    Reconstruction()(model, Batch(holed), {}).value.backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_a_likelihood_is_a_loss_too(x, device):
    model = autoencoder(device, loss=Gaussian())
    squared = autoencoder(device)
    squared.load_state_dict(model.state_dict())
    nll, squares = (Reconstruction().validate(m, Batch(x))["loss"] for m in (model, squared))
    torch.testing.assert_close(nll, squares / 2 + 8 * torch.log(torch.tensor(2 * torch.pi, device=device)))
