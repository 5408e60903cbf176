"""Denoising against contractive: which of code and reconstruction is robust, and what each gradient costs in noise."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlatent.autoencoders.autoencoder import Autoencoder
from genlatent.data.corruptions import GaussianNoise
from genlatent.data.dataset import Dataset
from genlatent.evaluation.lectures.trained import layer, share_lost, trained
from genlatent.networks.tied import Tied
from genlatent.numerics.randomness import drawing_from, stream
from genlatent.objectives.base import Batch
from genlatent.objectives.contraction import Contractive
from genlatent.objectives.reconstruction import Reconstruction


class Robustness(NamedTuple):
    """What noise on test rows does to a model; shares of the variance over rows."""

    name: str
    clean: float  # error of the reconstruction without noise
    code: float  # how far codes move
    reconstruction: float  # error of the reconstruction of noisy rows, against the clean ones
    gradient: float  # variance of the gradient of one batch over draws, as a share of its squared length


def robustness(
    data: Dataset, units: int = 100, *, noise: float = 0.3, weight: float = 0.3, epochs: int = 100, seed: int = 0
) -> list[Robustness]:
    r"""The same sigmoid units, trained plainly, to undo noise, and with the contractive penalty.

    The denoising loss asks that :math:`g(f(x + \epsilon))` be robust, the contractive penalty that :math:`f(x)` be; the
    first is estimated from draws of noise, the second is exact, so that its gradient on given rows has no variance.

    References:
        Contractive auto-encoders: explicit invariance during feature extraction (Rifai et al., 2011)

    Args:
        data: what is learned; its test rows are judged.
        units: of the code.
        noise: standard deviation of the noise, in training and in the test.
        weight: of the contractive penalty.
        epochs: of each training.
        seed: of the weights, the training and the noise.
    """
    kinds: dict[str, dict[str, Any]] = {
        "plain": {"may_copy": True},
        "denoising": {"corruption": GaussianNoise(noise)},
        "contractive": {"penalties": (Contractive(weight),)},
    }
    found = []
    for name, how in kinds.items():
        start = {"latent": units, "encoder": layer("sigmoid"), "decoder": Tied()}
        model = trained(data, epochs=epochs, seed=seed, **start, **how)
        objective = Reconstruction(how.get("penalties", ()), may_copy=True)
        found.append(
            Robustness(name, *_moved(model, data.test, noise, seed), gradient_variance(model, objective, data))
        )
    return found


def _moved(model: Autoencoder, x: Tensor, noise: float, seed: int) -> tuple[float, float, float]:
    with drawing_from(stream(seed, x.device, name="noise")):
        noisy = x + noise * torch.randn_like(x)
    code = share_lost(model.encode(noisy), model.encode(x))
    return share_lost(model.reconstruct(x), x), code, share_lost(model.reconstruct(noisy), x)


def gradient_variance(
    model: Autoencoder, objective: Reconstruction, data: Dataset, *, rows: int = 100, draws: int = 30, seed: int = 0
) -> float:
    r"""Variance of the gradient on the same rows over draws, :math:`\mathbb{E}\|g - \bar g\|^2 / \|\bar g\|^2`."""
    assert isinstance(data.train, Tensor)
    x = data.train[:rows]
    state, parameters = objective.init(model, x), list(model.parameters())
    gradients = []
    with drawing_from(stream(seed, x.device, name="gradient")):
        for _ in range(draws):
            value = objective(model.train(), Batch(x), state).value
            gradients.append(torch.cat([g.flatten() for g in torch.autograd.grad(value, parameters)]))
    g = torch.stack(gradients).double()
    return float((g - g.mean(0)).square().sum(1).mean() / g.mean(0).square().sum())
