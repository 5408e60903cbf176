"""Linear-Gaussian VAEs, whose posterior and marginal are known, with a guide that is right or wrong as asked."""

import torch

from genlatent.distributions.likelihoods import Gaussian
from genlatent.latent.vae import VAE
from genlatent.networks.mlp import MLP

PIXELS, LATENT, NOISE = 7, 3, 0.6


def linear_gaussian(device, *, seed=0, shift=0.0, narrower=1.0):
    r"""The model, and its marginal N(b, W W' + s^2 I).

    The guide is the exact posterior, moved by `shift` and with its standard deviations divided by `narrower`.
    """
    generator = torch.Generator().manual_seed(seed)
    square = torch.randn(PIXELS, LATENT, generator=generator).double()
    loadings = torch.linalg.qr(square)[0] * torch.tensor([2.0, 1.0, 0.3]).double()
    offset = torch.randn(PIXELS, generator=generator).double()
    variance = 1 / (1 + (loadings**2).sum(0) / NOISE**2)
    gain = variance[:, None] * loadings.T / NOISE**2
    model = VAE((PIXELS,), LATENT, likelihood=Gaussian(NOISE), encoder=MLP(()), decoder=MLP(())).double()
    log_variance = variance.log() - 2 * torch.tensor(narrower).log()
    with torch.no_grad():
        _set(model.decoder, loadings, offset)
        _set(model.encoder, torch.cat([gain, 0 * gain]), torch.cat([shift - gain @ offset, log_variance]))
    covariance = loadings @ loadings.T + NOISE**2 * torch.eye(PIXELS).double()
    return model.to(device), torch.distributions.MultivariateNormal(offset.to(device), covariance.to(device))


def _set(network, weight, bias):
    network.layers[0].weight.copy_(weight)
    network.layers[0].bias.copy_(bias)
