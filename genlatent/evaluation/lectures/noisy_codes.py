"""A VAE is an autoencoder with noise and an L2 penalty on the code, and which of the two does what."""

from typing import Any, NamedTuple

import pyro.distributions as dist
import torch
from torch import Tensor

from genlatent.distributions.base import Posterior
from genlatent.distributions.distribution import Distribution
from genlatent.latent.beta import BetaVAE
from genlatent.networks.base import Sizes
from genlatent.networks.mlp import MLP
from genlatent.training.fit import fit
from genlatent.training.optimizer import Optimizer


class FixedNoise(Posterior):
    r""":math:`q(z \mid x) = \mathcal{N}(z; f(x), \sigma^2 I)`: the code f(x), and noise that the encoder does not set.

    Under a standard normal prior the bound is that of an autoencoder with noise and an L2 penalty on its code,

    .. math:: -\mathcal{L}(x) = \mathbb{E}[\ell(x, g(f(x) + \sigma \epsilon))] + \tfrac{1}{2} \|f(x)\|^2
        + \tfrac{D}{2} (\sigma^2 - 1 - \log \sigma^2)

    Args:
        scale: the noise :math:`\sigma`.

    >>> FixedNoise(0.5).num_params(torch.Size([3]))
    3
    """

    def __init__(self, scale: float = 0.5):
        super().__init__()
        if scale <= 0:
            raise ValueError(f"scale must be positive, got {scale}")
        self.scale = scale

    def forward(self, params: Tensor) -> Distribution:
        """The code of each row and the noise about it."""
        code = params.unflatten(-1, self.event_shape)
        return dist.Normal(code, torch.full_like(code, self.scale)).to_event(len(self.event_shape))


class Codes(NamedTuple):
    """What one kind of code looks like after training."""

    name: str
    codes: Tensor  # of held-out rows, (n, latent)
    samples: Tensor  # decoded from N(0, I)
    reconstruction: float  # -log p(x | z) at the mean code, held out
    spread: float  # standard deviation of the codes over rows and dimensions


def kinds_of_codes(
    data: Any, *, latent: Sizes = 2, epochs: int = 60, noise: float = 0.5, hidden: int = 128, seed: int = 0
) -> list[Codes]:
    """The same networks as an autoencoder, with noise and penalty on the code, and as a VAE; trained alike."""
    made = {
        "autoencoder": (FixedNoise(1e-3), 0.0),
        f"noise {noise:g} and L2 penalty": (FixedNoise(noise), 1.0),
        "VAE": (None, 1.0),
    }
    return [_trained(name, data, q, beta, latent, epochs, hidden, seed) for name, (q, beta) in made.items()]


def _trained(
    name: str, data: Any, posterior: Any, beta: float, latent: Sizes, epochs: int, hidden: int, seed: int
) -> Codes:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        networks = (MLP((hidden, hidden)), MLP((hidden, hidden)))
        parts: dict[str, Any] = {"encoder": networks[0], "decoder": networks[1], "posterior": posterior, "beta": beta}
        model = BetaVAE(tuple(data.shape), latent, **parts)
    optimizer = Optimizer(learning_rate=2e-3, schedule="linear")
    fit(model, data, epochs=epochs, batch_size=100, optimizer=optimizer, seed=seed, validate_every=epochs)
    codes = model.encode(data.test)
    drawn = torch.randn(64, *model.latent_shape, generator=torch.Generator().manual_seed(seed))
    with model.asked():
        rows, observed = model.split(data.test)
        lost = float(model.likelihood.loss(model.params(codes), rows, observed).mean())
    return Codes(name, codes.flatten(1), model.decode(drawn), lost, float(codes.std()))
