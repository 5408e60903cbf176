import pytest
import torch

from genlatent import RBM, VAE, Autoencoder, load_data

FAMILIES = {
    "autoencoder": lambda: Autoencoder((1, 8, 8), latent=6),
    "vae": lambda: VAE((1, 8, 8), latent=4),
    "rbm": lambda: RBM((1, 8, 8), hidden=20),
}


@pytest.fixture(scope="session")
def digits():
    return load_data("digits", binarise="dynamic")


@pytest.fixture(params=list(FAMILIES))
def family(request) -> str:
    return request.param


@pytest.fixture
def make(family, device):
    """A new model of the family, always with the same initial weights."""

    def made():
        torch.manual_seed(1)
        return FAMILIES[family]().to(device)

    return made
