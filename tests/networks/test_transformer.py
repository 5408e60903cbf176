"""Patches, their positions, and attention with closed places."""

import pytest
import torch

from genlatent import components
from genlatent.errors import RecipeError
from genlatent.networks.transformer import Transformer, VisionTransformer, image, patches, positions


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 4, 10), (2, 2, 2)])
def test_patches_and_back(shape):
    x = torch.randn(3, *shape)
    cut = patches(x, 2)
    assert cut.shape == (3, shape[1] // 2 * (shape[2] // 2), shape[0] * 4)
    assert torch.equal(image(cut, shape[1] // 2, 2), x)
    assert torch.equal(cut[:, 0], x[:, :, :2, :2].flatten(1))


def test_positions_by_hand():
    place = positions(3, 5, 16).double()
    omega = 2 * (torch.pi / 20) ** (torch.arange(4, dtype=torch.float64) / 3)
    r, c = 2 * omega, 4 * omega
    torch.testing.assert_close(place[14], torch.cat((r.sin(), r.cos(), c.sin(), c.cos())), atol=1e-6, rtol=1e-5)
    assert len(place.unique(dim=0)) == 15


def test_closed_places_count_for_nothing(device):
    transformer = Transformer(8, 2, 2).double().to(device)
    h = torch.randn(4, 6, 8, dtype=torch.float64, device=device)
    seen = torch.tensor([True, False, True, True, False, True], device=device).expand(4, -1)
    torch.testing.assert_close(transformer(h, seen)[:, seen[0]], transformer(h[:, seen[0]]))
    torch.testing.assert_close(transformer(h, torch.ones_like(seen)), transformer(h))


def test_attention_does_not_know_the_order(device):
    transformer = Transformer(8, 2, 2).double().to(device)
    h, order = torch.randn(4, 6, 8, dtype=torch.float64, device=device), torch.randperm(6, device=device)
    torch.testing.assert_close(transformer(h[:, order]), transformer(h)[:, order])


def test_features_are_the_mean_of_the_patches(device):
    network = VisionTransformer(2, 8, 1, 2, inputs=(1, 4, 6), outputs=8).to(device)
    x = torch.randn(2, 3, 1, 4, 6, device=device)
    flat = network.transformer(network.tokens(x.flatten(0, 1))).mean(1)
    torch.testing.assert_close(network(x), flat.unflatten(0, (2, 3)))


def test_standardised_patches(device):
    network = VisionTransformer(2, 8, 1, 2, inputs=(1, 4, 6), outputs=8).to(device)
    x = 0.1 * torch.rand(200, 1, 4, 6, device=device) + 3
    network.standardise(x)
    content = network.tokens(x) - network.places
    torch.testing.assert_close(content.mean((0, 1)), torch.zeros(8, device=device), atol=1e-4, rtol=0)
    torch.testing.assert_close(content.square().mean(), torch.tensor(1.0, device=device), atol=1e-3, rtol=0)


def test_round_trip_through_plain_values():
    network = VisionTransformer(4, 8, 1, 2, inputs=(1, 8, 8), outputs=8)
    rebuilt = components.build(components.describe(network), "network")
    rebuilt.load_state_dict(network.state_dict())
    x = torch.rand(2, 1, 8, 8)
    assert torch.equal(rebuilt(x), network(x))


def test_outputs_are_the_width():
    with pytest.raises(RecipeError, match="of width 64 gives 64 outputs, not 10"):
        VisionTransformer(inputs=(1, 8, 8), outputs=10)
