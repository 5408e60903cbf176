"""What units come to look for: filters of sparse, k-sparse, contractive and convolutional codes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genlatent.autoencoders.autoencoder import Autoencoder
from genlatent.autoencoders.codes import KSparse
from genlatent.data.corruptions import GaussianNoise
from genlatent.data.dataset import Dataset
from genlatent.evaluation.lectures.trained import layer, share_lost, trained
from genlatent.networks.convolutional import ConvDecoder, ConvEncoder
from genlatent.networks.tied import Tied
from genlatent.objectives.contraction import Contractive
from genlatent.objectives.sparsity import L1


class Filters(NamedTuple):
    """Incoming weights of a model's first layer, and what its code does to test rows."""

    name: str
    weights: Tensor  # (unit, *event), or (channel, channels, height, width)
    lost: float  # by the reconstruction, as a share of the rows' variance
    active: float  # share of the units that a row turns on, as `activity` counts them
    tuning: float  # mean share of a filter's power at one spatial frequency: higher for edges and strokes than noise


def side_by_side(data: Dataset, units: int = 100, *, k: int = 10, epochs: int = 100, seed: int = 0) -> list[Filters]:
    """Sparse, k-sparse and contractive codes of the same size on the same rows, with tied weights.

    References:
        k-Sparse autoencoders (Makhzani and Frey, 2014)

        Contractive auto-encoders: explicit invariance during feature extraction (Rifai et al., 2011)
    """
    kinds: dict[str, dict[str, Any]] = {
        "sparse": {"encoder": layer("relu"), "penalties": (L1(0.3),)},
        "k-sparse": {"encoder": layer(), "code": KSparse(k)},
        "contractive": {"encoder": layer("sigmoid"), "penalties": (Contractive(0.3),)},
    }
    tied = {"latent": units, "epochs": epochs, "seed": seed}
    return [_found(name, trained(data, decoder=Tied(), **tied, **how), data) for name, how in kinds.items()]


def ksparse(
    data: Dataset, ks: Sequence[int] = (2, 5, 15, 40), units: int = 100, *, epochs: int = 100, seed: int = 0
) -> list[Filters]:
    """K-sparse codes for several k: the fewer units stay, the larger the parts that they stand for.

    References:
        k-Sparse autoencoders (Makhzani and Frey, 2014)
    """
    found = []
    for k in ks:
        parts = {"encoder": layer(), "decoder": Tied(), "code": KSparse(k)}
        model = trained(data, latent=units, epochs=epochs, seed=seed, **parts)
        found.append(_found(f"k = {k}", model, data))
    return found


def of_patches(data: Dataset, units: int = 100, *, epochs: int = 60, seed: int = 0) -> Filters:
    """Sparse filters of patches of photographs, as `load_data("patches")` gives them: edges of all directions.

    References:
        Emergence of simple-cell receptive field properties by learning a sparse code (Olshausen and Field, 1996)

        Stacked denoising autoencoders (Vincent et al., 2010)
    """
    parts = {"encoder": layer("relu"), "decoder": Tied(), "penalties": (L1(2.0),), "corruption": GaussianNoise(0.5)}
    model = trained(data, latent=units, epochs=epochs, weight_decay=0.5, seed=seed, **parts)
    return _found("sparse", model, data)


def pooling_and_noise(
    data: Dataset, *, channels: int = 9, kernel: int = 5, noise: float = 1.0, epochs: int = 15, seed: int = 0
) -> list[Filters]:
    """Filters of convolutions with stride or with max-pooling, trained with and without noise on the rows."""
    found = []
    for pool in (False, True):
        for scale in (0.0, noise):
            sizes = {"channels": (channels,), "hidden": 64, "kernel": kernel}
            networks = {"encoder": ConvEncoder(**sizes, pool=pool), "decoder": ConvDecoder(**sizes, upsample=pool)}
            how = {
                "corruption": GaussianNoise(scale),
                "epochs": epochs,
                "seed": seed,
                "learning_rate": 1e-2,
                "weight_decay": 0.3,
            }
            model = trained(data, latent=32, **networks, **how)
            found.append(_found(f"{'pooling' if pool else 'stride'}, noise {scale:g}", model, data))
    return found


def _found(name: str, model: Autoencoder, data: Dataset) -> Filters:
    x = data.test
    code = model.encode(x).flatten(1)
    weights = filters(model)
    if len(weights) == code.shape[1]:  # the units that matter most come first
        weights = weights[code.square().mean(0).argsort(descending=True)]
    lost = share_lost(model.reconstruct(x), x)
    return Filters(name, weights, lost, activity(code), float(tuning(weights).mean()))


def filters(model: Autoencoder) -> Tensor:
    """The incoming weights of the encoder's first layer, as images of the shape of what it sees."""
    first = next(part for part in model.encoder.modules() if isinstance(part, (nn.Linear, nn.Conv2d)))
    weights = first.weight.detach()
    return weights if weights.dim() > 2 else weights.unflatten(1, model.event_shape)


def activity(code: Float[Tensor, "rows units"]) -> float:
    r"""Mean over units of :math:`\mathbb{E}[|a|]^2 / \mathbb{E}[a^2]`, the share of rows that turn a unit on.

    It is that share for a unit that takes two values, one of them 0. Units that are never on are left out.

    References:
        What determines the capacity of autoassociative memories in the brain? (Treves and Rolls, 1991)

    >>> activity(torch.tensor([[0.0, 2.0], [3.0, 2.0]]))
    0.75
    """
    used = code[:, code.abs().amax(0) > 0]
    return float((used.abs().mean(0).square() / used.square().mean(0)).mean())


def tuning(weights: Float[Tensor, "filters channels height width"]) -> Float[Tensor, " filters"]:
    r"""The largest share of a filter's power at one spatial frequency, that of its mean left out.

    A wave has 1; of noise on n pixels it is about :math:`\log(n / 2) / (n / 2)`.

    >>> tuning(torch.tensor([1.0, 0.0, -1.0, 0.0]).expand(1, 1, 4, 4))
    tensor([1.])
    """
    power = torch.fft.fft2(weights).abs().square().sum(1).flatten(1)
    power[:, 0] = 0  # each other frequency stands there twice, but for those that are their own mirror image
    return 2 * power.amax(1) / power.sum(1).clamp(min=1e-20)
