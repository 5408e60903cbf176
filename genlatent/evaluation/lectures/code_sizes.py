"""How much a code has to hold: rows compressed to fewer and fewer units, and rows under more and more noise."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from genlatent.data.corruptions import GaussianNoise
from genlatent.data.dataset import Dataset
from genlatent.evaluation.lectures.trained import share_lost, trained
from genlatent.networks.mlp import MLP
from genlatent.numerics.randomness import drawing_from, stream


class CodeSize(NamedTuple):
    """What a code of so many units loses of test rows, as a share of their variance."""

    units: int
    lost: float
    reconstructions: Tensor  # of the first test rows


class Denoised(NamedTuple):
    """What a model with so many code units leaves of the noise on test rows."""

    units: int
    noise: float  # standard deviation, in the test
    before: float  # squared error of the noisy rows, as a share of the rows' variance
    after: float  # that of the denoised ones
    rows: Tensor  # the first noisy test rows
    denoised: Tensor


SHOWN = 12  # rows that are kept for a figure


def compressed(
    data: Dataset,
    sizes: Sequence[int] = (64, 32, 16, 8, 4, 2, 1),
    *,
    hidden: int = 128,
    epochs: int = 60,
    learning_rate: float = 3e-3,
    seed: int = 0,
) -> list[CodeSize]:
    """The same two networks of one hidden layer around codes of each size.

    References:
        Reducing the dimensionality of data with neural networks (Hinton and Salakhutdinov, 2006)
    """
    found = []
    for units in sizes:
        networks: dict[str, Any] = {"encoder": MLP((hidden,)), "decoder": MLP((hidden,))}
        model = trained(data, latent=units, epochs=epochs, learning_rate=learning_rate, seed=seed, **networks)
        made = model.reconstruct(data.test)
        found.append(CodeSize(units, share_lost(made, data.test), made[:SHOWN]))
    return found


def denoised(
    data: Dataset,
    sizes: Sequence[int] = (128, 64, 32, 16, 8),
    noises: Sequence[float] = (0.1, 0.3, 0.5, 0.7),
    *,
    trained_at: float = 0.4,
    epochs: int = 60,
    learning_rate: float = 5e-3,
    seed: int = 0,
) -> list[Denoised]:
    """Denoising autoencoders with codes of each size, under noise that rises.

    Args:
        data: what is learned; noise is put on its test rows.
        sizes: units of the codes, more than there are values among them.
        noises: standard deviations in the test.
        trained_at: standard deviation in training.
        epochs, learning_rate: of each training.
        seed: of the weights, the training and the noise.
    """
    found = []
    for units in sizes:
        networks = {"encoder": MLP((), output_activation="relu"), "decoder": MLP(())}
        how = {"corruption": GaussianNoise(trained_at), "epochs": epochs, "learning_rate": learning_rate, "seed": seed}
        model = trained(data, latent=units, **networks, **how)
        found += [_denoised(model, data.test, units, noise, seed) for noise in noises]
    return found


def _denoised(model: Any, x: Tensor, units: int, noise: float, seed: int) -> Denoised:
    with drawing_from(stream(seed, x.device, name="noise")):
        noisy = GaussianNoise(noise)(x)
    made = model.denoise(noisy)
    return Denoised(units, noise, share_lost(noisy, x), share_lost(made, x), noisy[:SHOWN], made[:SHOWN])
