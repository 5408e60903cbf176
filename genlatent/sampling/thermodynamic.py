"""Thermodynamic integration along the way of annealing: a cross-check that needs no exponential."""

import math
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from genlatent.sampling.weights import Sides

Z_95 = 1.959964


class Integral(NamedTuple):
    """A difference of ln Z between what the two directions say of it."""

    value: float
    interval: Sides  # 95 %, of the noise alone
    bounds: Sides  # mean work in the two directions: the truth lies between them, but for noise


def integral(forward: Float[Tensor, " run"], reverse: Float[Tensor, " back"]) -> Integral:
    r""":math:`\int_0^1 \langle -\partial_\lambda F \rangle_\lambda \, d\lambda` by the trapezium rule.

    The mean increment of the runs from 0 to 1 is the integrand at the left end of each step times its width, that of
    the runs from 1 to 0 is minus the same at the right end; so

    .. math:: \ln Z_1 - \ln Z_0 \approx \tfrac12 (\langle w^f \rangle - \langle w^r \rangle), \qquad
              \langle w^f \rangle \le \ln Z_1 - \ln Z_0 \le -\langle w^r \rangle

    where w are log-weights. Chains that lag behind shift the two sides apart, about equally when they lag little.

    >>> import torch
    >>> integral(torch.tensor([1.0, 1.0]), torch.tensor([-3.0, -3.0]))
    Integral(value=2.0, interval=(2.0, 2.0), bounds=(1.0, 3.0))
    """
    f, r = forward.double(), reverse.double()
    low, high = float(f.mean()), -float(r.mean())
    error = math.sqrt(float(f.var()) / len(f) + float(r.var()) / len(r)) / 2
    value = (low + high) / 2
    return Integral(value, (value - Z_95 * error, value + Z_95 * error), (low, high))
