r"""The first four moments of draws that are not kept: sums of powers about the mean, which can be joined."""

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

from torch import Tensor


class Moments(NamedTuple):
    r"""Of n draws: the mean and :math:`M_p = \sum_t (x_t - \bar x)^p`, float64.

    References:
        Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical moments
        (Pébay, 2008)
    """

    count: int
    mean: Tensor
    m2: Tensor
    m3: Tensor
    m4: Tensor


def of(x: Tensor) -> Moments:
    """Of draws `(draw, ...)`, measured from the first of them, so that equal values have no spread to the last bit.

    >>> import torch
    >>> [round(float(value), 6) for value in of(torch.tensor([1.0, 2.0, 6.0]))]
    [3.0, 3.0, 14.0, 18.0, 98.0]
    """
    x = x.double()
    mean = x[0] + (x - x[0]).mean(0)
    away = x - mean
    square = away**2
    return Moments(len(x), mean, square.sum(0), (square * away).sum(0), (square**2).sum(0))


def merged(a: Moments, b: Moments) -> Moments:
    r"""Of both together, with :math:`\delta = \bar x_b - \bar x_a`.

    .. math::

        M_2 &= M_{2a} + M_{2b} + \delta^2 \tfrac{n_a n_b}{n} \\
        M_3 &= M_{3a} + M_{3b} + \delta^3 \tfrac{n_a n_b (n_a - n_b)}{n^2}
               + 3 \delta \tfrac{n_a M_{2b} - n_b M_{2a}}{n} \\
        M_4 &= M_{4a} + M_{4b} + \delta^4 \tfrac{n_a n_b (n_a^2 - n_a n_b + n_b^2)}{n^3}
               + 6 \delta^2 \tfrac{n_a^2 M_{2b} + n_b^2 M_{2a}}{n^2} + 4 \delta \tfrac{n_a M_{3b} - n_b M_{3a}}{n}

    >>> import torch
    >>> found = merged(of(torch.tensor([1.0, 2.0])), of(torch.tensor([6.0])))
    >>> [round(float(value), 6) for value in found]
    [3.0, 3.0, 14.0, 18.0, 98.0]
    """
    p, q = a.count, b.count
    n, delta = p + q, b.mean - a.mean
    m2 = a.m2 + b.m2 + delta**2 * (p * q / n)
    m3 = a.m3 + b.m3 + delta**3 * (p * q * (p - q) / n**2) + 3 * delta * (p * b.m2 - q * a.m2) / n
    m4 = a.m4 + b.m4 + delta**4 * (p * q * (p * p - p * q + q * q) / n**3)
    m4 = m4 + 6 * delta**2 * (p * p * b.m2 + q * q * a.m2) / n**2 + 4 * delta * (p * b.m3 - q * a.m3) / n
    return Moments(n, a.mean + delta * (q / n), m2, m3, m4)


def pooled(parts: Sequence[Moments]) -> Moments:
    """Of all parts together."""
    return reduce(merged, parts)
