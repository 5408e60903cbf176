import pytest
import torch

from genlatent import VAE, VQVAE, Autoencoder, ConditionalVAE
from genlatent.errors import DataError, Unsupported
from genlatent.evaluation.walks import interpolations, traversals


@pytest.fixture
def linear(device):
    """Codes are the first two pixels, and what is decoded are the codes."""
    model = Autoencoder((4,), latent=2, encoder=torch.nn.Linear(4, 2), decoder=torch.nn.Linear(2, 4)).to(device)
    with torch.no_grad():
        for layer in (model.encoder, model.decoder):
            layer.weight.copy_(torch.eye(*layer.weight.shape, device=device))
            layer.bias.zero_()
    return model.eval()


def test_a_walk_changes_one_value_between_the_ends_of_its_codes(linear, device):
    x = torch.stack(
        [torch.linspace(0, 1, 101, device=device), 10 * torch.linspace(0, 1, 101, device=device).flip(0)], 1
    )
    x = torch.cat([x, torch.zeros(101, 2, device=device)], 1)
    found = traversals(linear, x, row=50, steps=3)
    assert found.shape == (2, 3, 4)
    assert found[0, :, 0].tolist() == pytest.approx([0.5] * 3)
    assert found[0, :, 1].tolist() == pytest.approx([0.2, 5.0, 9.8], abs=1e-5), "the value that varies most is first"
    assert found[1, :, 0].tolist() == pytest.approx([0.02, 0.5, 0.98], abs=1e-5)
    assert traversals(linear, x, count=1).shape[0] == 1


def test_interpolations_go_straight_from_code_to_code(linear, device):
    a, b = torch.tensor([[1.0, 2.0, 9.0, 9.0]], device=device), torch.tensor([[3.0, 0.0, 9.0, 9.0]], device=device)
    found = interpolations(linear, a, b, steps=3)
    assert found[0, :, :2].tolist() == [[1, 2], [2, 1], [3, 0]]
    with pytest.raises(DataError, match="as many rows"):
        interpolations(linear, a, torch.cat([b, b]))


def test_codes_that_cannot_be_walked_through_are_refused(device):
    x = torch.zeros(3, 1, 8, 8, device=device)
    with pytest.raises(Unsupported, match="no rows of real numbers"):
        traversals(VQVAE((1, 8, 8), codes=2, codebook=8).to(device), x)
    with pytest.raises(Unsupported, match="need labels"):
        traversals(ConditionalVAE((1, 8, 8), condition=10).to(device), x)
    assert traversals(VAE((1, 8, 8), latent=3).to(device), x).shape == (3, 9, 1, 8, 8)
