"""What can be compressed: independent inputs cannot, correlated ones can."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.evaluation.lectures.trained import autoencoder, layer, share_lost
from genlatent.numerics.randomness import stream
from genlatent.training.fit import fit
from genlatent.training.optimizer import Optimizer


class Compression(NamedTuple):
    """What a code of fewer units loses of rows it has not seen, as a share of their variance."""

    name: str
    lost: float
    optimum: float  # by the principal subspace of the training rows, which no linear code beats on them


def compressibility(
    inputs: int = 100, units: int = 50, *, factors: int = 20, noise: float = 0.1, rows: int = 1000, seed: int = 0
) -> list[Compression]:
    r"""A linear autoencoder on independent inputs and on correlated ones, all of variance 1.

    Of d independent inputs any k numbers lose the share :math:`1 - k / d`; of inputs that are mixtures of m < k
    factors and noise, they lose about :math:`\text{noise}^2 (1 - k / d)`.

    References:
        Sparse autoencoder (Ng, 2011)

    Args:
        inputs, units: values of a row and of its code.
        factors: what the correlated inputs are mixtures of.
        noise: standard deviation of what each input has for itself.
        rows: to learn from.
        seed: of the rows, the weights and the training.
    """
    kinds = {"independent": None, "correlated": factors}
    return [_compressed(name, _rows(inputs, kind, noise, rows, seed), units, seed) for name, kind in kinds.items()]


def _rows(inputs: int, factors: int | None, noise: float, rows: int, seed: int) -> Dataset:
    drawn_from = stream(seed, name="rows")
    x = torch.randn(rows + 1000, inputs, generator=drawn_from)
    if factors is not None:
        mixing = torch.randn(factors, inputs, generator=drawn_from)
        mixed = torch.randn(len(x), factors, generator=drawn_from) @ (mixing / mixing.norm(dim=0))
        x = noise * x + (1 - noise**2) ** 0.5 * mixed
    return Dataset(x[:rows], x[rows : rows + 100], x[rows + 100 :], x.shape[1:], "real", "inputs")


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
