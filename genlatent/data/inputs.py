"""Rows made to be compressed: independent or correlated inputs, and a bump on a ring."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.errors import DataError
from genlatent.numerics.randomness import stream

WIDTH = 4.0  # kappa of the bump


def inputs(*, n: int = 3000, values: int = 100, factors: int | None = 20, noise: float = 0.1, seed: int = 0) -> Dataset:
    r"""Rows of `values` inputs of variance 1: mixtures of a few factors, or, with `factors=None`, independent ones.

    .. math:: x = \sqrt{1 - \text{noise}^2} \, A f + \text{noise} \, \epsilon, \qquad
              f \sim \mathcal{N}(0, I), \quad \epsilon \sim \mathcal{N}(0, I), \quad \| A_i \| = 1

    A tenth is `valid`, a tenth is `test`.
    """
    if n < 10 or values < 1 or (factors is not None and factors < 1) or not 0 <= noise <= 1:
        raise DataError(
            f"inputs: n is at least 10, values and factors at least 1 and noise 0 to 1, got {n}, {values}, {factors} "
            f"and {noise}"
        )
    drawn_from = stream(seed, name="inputs")
    x = torch.randn(n, values, generator=drawn_from)
    if factors is not None:
        A = torch.randn(factors, values, generator=drawn_from)
        f = torch.randn(n, factors, generator=drawn_from)
        x = noise * x + (1 - noise**2) ** 0.5 * f @ (A / A.norm(dim=0))
    return _split(x, "independent inputs" if factors is None else f"inputs of {factors} factors")


def ring(*, n: int = 1250, cells: int = 30, seed: int = 0) -> Dataset:
    r"""A bump at a random angle of a ring of cells: rows on a closed curve whose tangents are known.

    .. math:: x_i(\theta) = \exp\bigl(\kappa (\cos(\theta - \phi_i) - 1)\bigr), \quad \kappa = 4

    A tenth is `valid`, a tenth is `test`.
    """
    if n < 10 or cells < 3:
        raise DataError(f"ring: n is at least 10 and cells at least 3, got {n} and {cells}")
    angles = 2 * math.pi * torch.rand(n, generator=stream(seed, name="ring"))
    return _split(bump(angles, cells), "ring")


def bump(angles: Float[Tensor, " rows"], cells: int) -> Float[Tensor, "rows cells"]:
    """Rows with a bump at these angles."""
    return (WIDTH * (_away(angles, cells).cos() - 1)).exp()


def angle(x: Float[Tensor, "rows cells"]) -> Float[Tensor, " rows"]:
    """Where the bump of each row is: the phase of its first Fourier coefficient.

    >>> angle(bump(torch.tensor([0.5, -2.0]), 30))
    tensor([ 0.5000, -2.0000])
    """
    return torch.fft.fft(x)[:, 1].conj().angle()


def tangent(x: Float[Tensor, "rows cells"]) -> Float[Tensor, "rows cells"]:
    """The derivative of each row of the ring by its angle, of length 1."""
    found, cells = angle(x), x.shape[1]
    return torch.nn.functional.normalize(-WIDTH * _away(found, cells).sin() * bump(found, cells), dim=1)


def _away(angles: Tensor, cells: int) -> Tensor:
    places = torch.arange(cells, device=angles.device) * (2 * math.pi / cells)
    return angles.unsqueeze(1) - places


def _split(x: Tensor, name: str) -> Dataset:
    cut, held = len(x) - 2 * (len(x) // 10), len(x) // 10
    return Dataset(x[:cut], x[cut : cut + held], x[cut + held :], x.shape[1:], "real", name)
