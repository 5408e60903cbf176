"""Convolutions share their weights over the image: with half of them they take away more noise."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from genlatent.data.corruptions import GaussianNoise
from genlatent.data.dataset import Dataset
from genlatent.evaluation.lectures.trained import layer, share_lost, trained
from genlatent.networks.convolutional import halvings
from genlatent.networks.grids import GridDecoder, GridEncoder
from genlatent.numerics.randomness import drawing_from, stream


class Denoiser(NamedTuple):
    """A trained denoising autoencoder on noisy test rows."""

    name: str
    seed: int
    parameters: int
    lost: float  # squared error of denoised rows, as a share of the rows' variance
    noisy: Tensor  # the first test rows, with noise
    denoised: Tensor


def convolutional_and_dense(
    data: Dataset,
    *,
    channels: Sequence[int] = (8,),
    values: int = 8,
    hidden: int = 32,
    noise: float = 0.5,
    epochs: int = 60,
    seeds: Sequence[int] = (0, 1),
    rates: tuple[float, float] = (1e-2, 5e-3),
) -> list[Denoiser]:
    """A denoising autoencoder of convolutions, each halving the image, and one with a dense hidden layer.

    Each is trained at a learning rate of its own, of a few the one that suits it.

    Args:
        data: images.
        channels: after each halving.
        values: of the code at each place of the smallest grid.
        hidden: units of the dense one's code. With 32, images of 8x8 pixels make it twice as large as convolutions of
            (8,) channels, and those of 28x28 pixels twice as large as convolutions of (16, 32).
        noise: standard deviation, in training and in the test.
        epochs: of each training.
        seeds: of the weights, the training and the noise, one comparison each.
        rates: learning rates, that of the convolutions first.
    """
    height, width = (halvings(side, len(channels))[-1] for side in data.shape[1:])
    found = []
    for seed in seeds:
        kinds: dict[str, dict[str, Any]] = {
            "convolutional": {
                "latent": (values, height, width),
                "encoder": GridEncoder(channels),
                "decoder": GridDecoder(channels),
                "learning_rate": rates[0],
            },
            "dense": {"latent": hidden, "encoder": layer("relu"), "decoder": layer(), "learning_rate": rates[1]},
        }
        found += [_denoiser(name, data, how, noise, epochs, seed) for name, how in kinds.items()]
    return found


def _denoiser(name: str, data: Dataset, how: dict[str, Any], noise: float, epochs: int, seed: int) -> Denoiser:
    corruption, x = GaussianNoise(noise), data.test
    model = trained(data, corruption=corruption, epochs=epochs, seed=seed, **how)
    with drawing_from(stream(seed, x.device, name="noise")):
        noisy = corruption(x)
    made = model.denoise(noisy)
    parameters = sum(p.numel() for p in model.parameters())
    return Denoiser(name, seed, parameters, share_lost(made, x), noisy[:12], made[:12])
