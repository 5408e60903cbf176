"""Two-valued numbers, eight to a byte."""

import numpy as np
import torch
from torch import Tensor

HIGH = 1.0  # the larger of the two values
LOWS = (0.0, -1.0)  # the smaller one: of units that are on or off, and of spins


def low_of(x: Tensor) -> float | None:
    """The smaller of the two values that occur, 0 or -1, where the other is 1; 1 where all are; None for other values.

    >>> low_of(torch.tensor([1.0, -1.0])), low_of(torch.tensor([1.0, 0.0])), low_of(torch.tensor([0.5, 0.0]))
    (-1.0, 0.0, None)
    """
    low, high = (float(end) for end in x.aminmax())
    if high not in (HIGH, low) or low not in (HIGH, *LOWS):
        return None
    return low if bool(((x == low) | (x == HIGH)).all()) else None


def pack(x: Tensor) -> np.ndarray:
    """Bytes of a tensor on the CPU, bits along its last axis: whether each number is 1.

    >>> pack(torch.tensor([[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]])).tolist()
    [[131, 128]]
    """
    return np.packbits((x == HIGH).numpy(), axis=-1)


def unpack(bits: np.ndarray, count: int, low: float = 0.0, dtype: torch.dtype = torch.float32) -> Tensor:
    """The numbers that were packed, `count` along the last axis.

    >>> unpack(np.array([128], dtype=np.uint8), 3, low=-1.0)
    tensor([ 1., -1., -1.])
    """
    x = torch.from_numpy(np.unpackbits(bits, axis=-1, count=count)).to(dtype)
    return x if low == 0 else x.mul_(HIGH - low).add_(low)
