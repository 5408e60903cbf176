"""Uniform numbers in bulk, for loops that draw millions of them at every step."""

import torch
from torch import Tensor

FAST = torch.Generator().device.type  # where the serial generator makes bits dear
LOW = 2**8  # values of the low byte


class Uniform:
    r"""Matrices `(chain, units)` of uniform numbers in [0, 1) with 24 random bits each, as many as `torch.rand` gives.

    A serial generator is paid by the bit. Here the high 16 bits of a number are its own, four numbers to one 64-bit
    integer; its low 8 bits belong to its column and are shared by the chains:

    .. math:: u_{ci} = 2^{-16} (k_{ci} + 2^{-8} w_i)

    So every chain by itself sees independent uniform numbers, and its law is exactly what it would be with
    `torch.rand`. Two chains are tied only where both their :math:`k` meet the same threshold, which happens once in
    :math:`2^{32}` draws.

    >>> u = Uniform(torch.Generator().manual_seed(0)).like(torch.empty(100, 5))
    >>> bool(((u >= 0) & (u < 1)).all())
    True
    """

    def __init__(self, generator: torch.Generator | None = None):
        self.generator = generator
        self._buffers: dict[tuple[int, ...], tuple[Tensor, Tensor, Tensor, Tensor]] = {}

    def like(self, x: Tensor, chains: int = 0) -> Tensor:
        """A matrix in the shape of `x`; the next call for the same shape overwrites it.

        Args:
            x: a matrix.
            chains: which of its axes is the chains'.
        """
        if x.device.type != FAST or x.dtype != torch.float32:
            return torch.rand(x.shape, generator=self.generator, dtype=x.dtype, device=x.device)
        bits, high, low, out = self._buffer(x.shape[0], x.shape[1], chains)
        bits.random_(-(2**63), None, generator=self.generator)
        low.random_(0, LOW, generator=self.generator).mul_(2.0**-24).add_(0.5)
        return torch.add(low, high, alpha=2.0**-16, out=out)

    def _buffer(self, rows: int, columns: int, chains: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        key = (rows, columns, chains)
        if key not in self._buffers:
            bits = torch.empty((rows * columns + 3) // 4, dtype=torch.int64)
            high = bits.view(torch.int16)[: rows * columns].view(rows, columns)
            low = torch.empty(columns) if chains == 0 else torch.empty(rows, 1)
            self._buffers[key] = bits, high, low, torch.empty(rows, columns)
        return self._buffers[key]
