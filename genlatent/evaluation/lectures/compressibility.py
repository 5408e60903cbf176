"""What can be compressed: independent inputs cannot, correlated ones can."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.data.inputs import inputs
from genlatent.evaluation.lectures.trained import autoencoder, layer, share_lost
from genlatent.training.fit import fit
from genlatent.training.optimizer import Optimizer


class Compression(NamedTuple):
    """What a code of fewer units loses of rows it has not seen, as a share of their variance."""

    name: str
    lost: float
    optimum: float  # by the principal subspace of the training rows, which no linear code beats on them


def compressibility(
    values: int = 100, units: int = 50, *, factors: int = 20, noise: float = 0.1, rows: int = 1000, seed: int = 0
) -> list[Compression]:
    r"""A linear autoencoder on independent inputs and on correlated ones, all of variance 1.

    Of d independent inputs any k numbers lose the share :math:`1 - k / d`; of inputs that are mixtures of m < k
    factors and noise, they lose about :math:`\text{noise}^2 (1 - k / d)`.

    References:
        Sparse autoencoder (Ng, 2011)

    Args:
        values, units: numbers in a row and in its code.
        factors: what the correlated inputs are mixtures of.
        noise: standard deviation of what each input has for itself.
        rows: to learn from.
        seed: of the rows, the weights and the training.
    """
    kinds = {"independent": None, "correlated": factors}
    how = {"n": rows * 5 // 4, "values": values, "noise": noise, "seed": seed}
    return [_compressed(name, inputs(factors=kind, **how), units, seed) for name, kind in kinds.items()]


def _compressed(name: str, data: Dataset, units: int, seed: int) -> Compression:
    model = autoencoder(data, seed=seed, latent=units, encoder=layer(), decoder=layer())
    assert isinstance(data.train, Tensor)
    fit(model, data, optimizer=Optimizer("lbfgs", 1.0), steps=30, batch_size=len(data.train), seed=seed)
    lost = share_lost(model.reconstruct(data.test), data.test)
    return Compression(name, lost, share_lost(principal(data.train, data.test, units), data.test))


def principal(
    train: Float[Tensor, "rows values"], x: Float[Tensor, "_ values"], units: int
) -> Float[Tensor, "_ values"]:
    """Rows projected onto the principal subspace of the training rows."""
    mean = train.mean(0)
    axes = torch.linalg.svd(train - mean, full_matrices=False).Vh[:units]
    return mean + (x - mean) @ axes.T @ axes
