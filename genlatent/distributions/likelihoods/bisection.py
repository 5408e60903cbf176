"""The argument at which a rising function has a wanted value."""

from collections.abc import Callable

import torch
from torch import Tensor

HALVINGS = 60


def bisect(rising: Callable[[Tensor], Tensor], wanted: Tensor, low: float, high: float) -> Tensor:
    """Where `rising`, taken elementwise, meets `wanted`; sought between `low` and `high`.

    >>> bisect(lambda x: x**3, torch.tensor([8.0]), 0.0, 10.0)
    tensor([2.])
    """
    below, above = torch.full_like(wanted, low), torch.full_like(wanted, high)
    for _ in range(HALVINGS):
        middle = (below + above) / 2
        under = rising(middle) < wanted
        below, above = torch.where(under, middle, below), torch.where(under, above, middle)
    return (below + above) / 2
