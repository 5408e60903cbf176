"""Mutual information between the dimensions of a code and the factors that made the data."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlatent.errors import DataError

Codes = Float[Tensor, "_ latent"]
Factors = Int[Tensor, "_ factor"]

BINS = 20  # cells of one code dimension
CELLS = 2**22  # densities held at a time


class Information(NamedTuple):
    """In nats: what each dimension tells of each factor, and how much there is to tell."""

    mutual: Float[Tensor, "latent factor"]
    entropy: Float[Tensor, " factor"]


def check(codes: Tensor, factors: Tensor) -> None:
    """Refuse codes and factors that do not belong together, and factors that never change."""
    if codes.dim() != 2 or factors.dim() != 2 or len(codes) != len(factors):
        raise DataError(
            "codes (rows, latent) and whole-number factors (rows, factor) of the same rows are wanted, "
            f"got {tuple(codes.shape)} and {tuple(factors.shape)}"
        )
    if not bool(codes.isfinite().all()):
        raise DataError("the codes hold values that are not finite")
    for column in range(factors.shape[1]):
        if len(factors[:, column].unique()) < 2:
            raise DataError(f"factor {column} never changes, so no dimension can stand for it")


def binned_information(codes: Codes, factors: Factors, bins: int = BINS) -> Information:
    r"""Information between each dimension, cut into cells of equal width, and each factor.

    .. math:: I(z_j; v_k) = \sum_{a, b} p_{ab} \log \frac{p_{ab}}{p_a p_b}

    References:
        Challenging common assumptions in the unsupervised learning of disentangled representations
        (Locatello et al., 2019)
    """
    check(codes, factors)
    cells = cells_of(codes, bins)
    joint = [[_joint(z, v) for v in factors.T] for z in cells.T]
    mutual = torch.stack([torch.stack([_mutual(p) for p in row]) for row in joint])
    return Information(mutual, torch.stack([_entropy(p.sum(0)) for p in joint[0]]))


def cells_of(codes: Codes, bins: int = BINS) -> Int[Tensor, "_ latent"]:
    """The cell of each value, between the least and the largest of its dimension.

    >>> cells_of(torch.tensor([[0.0], [0.4], [1.0]]), bins=2).T
    tensor([[0, 0, 1]])
    """
    low, high = codes.amin(0), codes.amax(0)
    width = torch.where(high > low, high - low, 1.0)
    return ((codes - low) / width * bins).long().clamp(max=bins - 1)


def posterior_information(loc: Codes, scale: Codes, factors: Factors) -> Information:
    r"""Information between factors and draws from normal posteriors, no cells involved.

    .. math:: I(z_j; v_k) = \mathbb{E}_{q(z_j, v_k)} \log \sum_{n : v_k(x_n) = v_k} \frac{q(z_j \mid x_n)}{N_{v_k}}
        - \mathbb{E}_{q(z_j)} \log \frac{1}{N} \sum_n q(z_j \mid x_n)

    with one draw of each row's posterior, at its mean plus a fixed quantile, so that the answer is reproducible.

    References:
        Isolating sources of disentanglement in variational autoencoders (Chen et al., 2018)
    """
    check(loc, factors)
    generator = torch.Generator(device=loc.device).manual_seed(0)
    noise = torch.randn(loc.shape, generator=generator, dtype=loc.dtype, device=loc.device)
    draws = (loc + scale * noise).double()
    rows = [
        _row_information(draws[:, j], loc[:, j].double(), scale[:, j].double(), factors) for j in range(loc.shape[1])
    ]
    entropy = torch.stack([_entropy(v.unique(return_counts=True)[1] / len(v)) for v in factors.T])
    return Information(torch.stack(rows), entropy)


def _row_information(z: Tensor, loc: Tensor, scale: Tensor, factors: Tensor) -> Tensor:
    """One dimension's information with every factor."""
    marginal = _log_density(z, loc, scale).mean()
    found = []
    for v in factors.T:
        total = z.new_zeros(())
        for level in v.unique():
            own = v == level
            total = total + _log_density(z[own], loc[own], scale[own]).sum()
        found.append(total / len(z) - marginal)
    return torch.stack(found).clamp(min=0)


def _log_density(z: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
    """Log of the mean of all the normals, at each z."""
    parts = []
    for chunk in z.split(max(CELLS // len(loc), 1)):
        squares = ((chunk[:, None] - loc) / scale).square()
        parts.append((-squares / 2 - scale.log()).logsumexp(1))
    return torch.cat(parts) - math.log(len(loc)) - math.log(2 * math.pi) / 2


def _joint(a: Tensor, b: Tensor) -> Tensor:
    """Shares of the pairs of levels, in float64."""
    _, row = a.unique(return_inverse=True)
    _, column = b.unique(return_inverse=True)
    shape = int(row.max()) + 1, int(column.max()) + 1
    counts = torch.bincount(row * shape[1] + column, minlength=shape[0] * shape[1]).double()
    return counts.reshape(shape) / len(a)


def _entropy(p: Tensor) -> Tensor:
    return torch.special.entr(p.double()).sum()


def _mutual(p: Tensor) -> Tensor:
    return (_entropy(p.sum(0)) + _entropy(p.sum(1)) - _entropy(p)).clamp(min=0)
