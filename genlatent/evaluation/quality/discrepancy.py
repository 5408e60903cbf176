"""Kernel two-sample statistic: zero in the mean when both sets come from the same distribution."""

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.errors import DataError

Rows = Float[Tensor, "_ _"]  # each of one length

WIDTHS = (0.5, 1.0, 2.0)  # of the kernels, beside the median distance


def squared_discrepancy(x: Rows, y: Rows, width: float | None = None) -> Float[Tensor, ""]:
    r"""Unbiased estimate of the squared maximum mean discrepancy; it may fall below zero.

    .. math:: \frac{1}{m(m-1)} \sum_{i \ne j} k(x_i, x_j) + \frac{1}{n(n-1)} \sum_{i \ne j} k(y_i, y_j)
        - \frac{2}{mn} \sum_{ij} k(x_i, y_j)

    with :math:`k(a, b) = e^{-|a - b|^2 / 2 w^2}`, averaged over three widths about the median distance unless one is
    given.

    References:
        A kernel two-sample test (Gretton et al., 2012)
    """
    check(x, y)
    squares = distances(torch.cat((x, y))).square()
    widths = [width] if width is not None else [w * _typical(squares) for w in WIDTHS]
    kernels = torch.stack([torch.exp(-squares / (2 * w**2)) for w in widths]).mean(0)
    return _unbiased(kernels, len(x))


def chance(x: Rows, y: Rows, *, permutations: int = 200, seed: int = 0) -> float:
    """How often two sets dealt anew from both together are as far apart as these: the test's p-value."""
    check(x, y)
    squares = distances(torch.cat((x, y))).square()
    kernels = torch.stack([torch.exp(-squares / (2 * (w * _typical(squares)) ** 2)) for w in WIDTHS]).mean(0)
    found, generator, as_far = _unbiased(kernels, len(x)), torch.Generator().manual_seed(seed), 1
    for _ in range(permutations):
        order = torch.randperm(len(kernels), generator=generator).to(kernels.device)
        as_far += int(_unbiased(kernels[order][:, order], len(x)) >= found)
    return as_far / (permutations + 1)


def distances(rows: Rows, others: Rows | None = None) -> Float[Tensor, "_ _"]:
    """Euclidean distances in float64, each row's own among them exactly zero."""
    a = rows.double()
    b = a if others is None else others.double()
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def check(x: Tensor, y: Tensor, fewest: int = 2) -> None:
    """Refuse two sets that cannot be compared."""
    if x.dim() != 2 or y.dim() != 2 or x.shape[1] != y.shape[1]:
        raise DataError(f"two sets of rows of equal length are wanted, got {tuple(x.shape)} and {tuple(y.shape)}")
    if min(len(x), len(y)) < fewest:
        raise DataError(f"each set needs at least {fewest} rows, got {len(x)} and {len(y)}")


def _unbiased(kernels: Tensor, m: int) -> Tensor:
    n = len(kernels) - m
    xx, yy, xy = kernels[:m, :m], kernels[m:, m:], kernels[:m, m:]
    own = (xx.sum() - xx.trace()) / (m * (m - 1)) + (yy.sum() - yy.trace()) / (n * (n - 1))
    return own - 2 * xy.mean()


def _typical(squares: Tensor) -> Tensor:
    """The median distance between different rows."""
    apart = squares[squares > 0]
    return apart.median().sqrt() if len(apart) else squares.new_ones(())
