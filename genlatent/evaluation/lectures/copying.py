"""A code larger than its input copies it, unless something keeps it from doing so."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlatent.autoencoders.codes import KSparse
from genlatent.data.corruptions import GaussianNoise
from genlatent.data.dataset import Dataset
from genlatent.evaluation.lectures.trained import layer, share_lost, trained
from genlatent.networks.tied import Tied
from genlatent.numerics.randomness import stream
from genlatent.objectives.contraction import Contractive
from genlatent.objectives.sparsity import L1, SparsityKL


class Copying(NamedTuple):
    """What a model loses of rows, as a share of their variance; one that copies loses nothing of either."""

    name: str
    data: float  # of test rows
    shuffled: float  # of the same pixels put together at random


def overcomplete_codes(data: Dataset, units: int | None = None, *, epochs: int = 60, seed: int = 0) -> list[Copying]:
    r"""A linear code of twice as many units as values, by itself and with each regulariser.

    The test is on rows that no autoencoder of the data should know: each pixel is that of another test row, so that
    every one is as dark as in the data while none fits its neighbours.

    Args:
        data: what is learned; its test rows are judged.
        units: of the code.
        epochs: of each training.
        seed: of the weights, the training and the shuffling.
    """
    rows, alike = data.test, shuffled_pixels(data.test, seed)
    found = []
    for name, how in regularisers(units or 2 * data.shape.numel()).items():
        model = trained(data, epochs=epochs, seed=seed, **how)
        found.append(Copying(name, *(share_lost(model.reconstruct(x), x) for x in (rows, alike))))
    return found


def regularisers(units: int) -> dict[str, dict[str, Any]]:
    """Parts and penalties of an autoencoder with that many units, by the name of what holds it back."""
    held_back: dict[str, dict[str, Any]] = {
        "nothing": {"may_copy": True},
        "denoising": {"corruption": GaussianNoise(0.5)},
        "k-sparse": {"code": KSparse(10)},
        "L1": {"penalties": (L1(0.3),)},
        "sparse (KL)": {"penalties": (SparsityKL(0.05, weight=0.3),), "encoder": layer("sigmoid")},
        "contractive": {"penalties": (Contractive(0.3),), "encoder": layer("sigmoid")},
    }
    return {name: {"latent": units, "encoder": layer(), "decoder": Tied(), **how} for name, how in held_back.items()}


def shuffled_pixels(x: Tensor, seed: int = 0) -> Tensor:
    """Each value from the same place of a row chosen at random."""
    flat = x.flatten(1)
    order = torch.rand(flat.shape, generator=stream(seed, name="shuffled")).argsort(0).to(x.device)
    return flat.gather(0, order).reshape(x.shape)
