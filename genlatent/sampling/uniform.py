"""Uniform numbers in bulk, for loops that draw millions of them at every step."""

import functools
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor

FAST = torch.Generator().device.type  # where the serial generator makes bits dear
LOW = 2**8  # values of the low byte
STREAMS = 4  # that fill a large matrix side by side, however many threads there are
LARGE = 2**16  # integers from which on several streams pay


class Uniform:
    r"""Matrices `(chain, units)` of uniform numbers in [0, 1) with 24 random bits each, as many as `torch.rand` gives.

    A serial generator is paid by the bit. Here the high 16 bits of a number are its own, four numbers to one 64-bit
    integer; its low 8 bits belong to its column and are shared by the chains:

    .. math:: u_{ci} = 2^{-16} (k_{ci} + 2^{-8} w_i)

    So every chain by itself sees independent uniform numbers, and its law is exactly what it would be with
    `torch.rand`. Two chains are tied only where both their :math:`k` meet the same threshold, which happens once in
    :math:`2^{32}` draws. Large matrices are filled by several streams at once, whose seeds the first one draws.

    >>> u = Uniform(torch.Generator().manual_seed(0)).like(torch.empty(100, 5))
    >>> bool(((u >= 0) & (u < 1)).all())
    True
    """

    def __init__(self, generator: torch.Generator | None = None):
        self.generator = generator
        self._buffers: dict[tuple[int, ...], tuple[Tensor, Tensor, Tensor, Tensor]] = {}
        self._others: list[torch.Generator] = []

    def like(self, x: Tensor, chains: int = 0) -> Tensor:
        """A matrix in the shape of `x`; the next call for the same shape overwrites it.

        Args:
            x: a matrix.
            chains: which of its axes is the chains'.
        """
        if x.device.type != FAST or x.dtype != torch.float32:
            return torch.rand(x.shape, generator=self.generator, dtype=x.dtype, device=x.device)
        bits, high, low, out = self._buffer(x.shape[0], x.shape[1], chains)
        self._fill(bits)
        low.random_(0, LOW, generator=self.generator).mul_(2.0**-24).add_(0.5)
        return torch.add(low, out.copy_(high), alpha=2.0**-16, out=out)  # its own cast would allocate

    def _fill(self, bits: Tensor) -> None:
        if len(bits) < LARGE:
            _random(bits, self.generator)
            return
        if not self._others:
            seeds = torch.randint(2**62, (STREAMS - 1,), generator=self.generator).tolist()
            self._others = [torch.Generator().manual_seed(seed) for seed in seeds]
        list(_side_by_side(torch.get_num_threads())(_random, bits.chunk(STREAMS), [self.generator, *self._others]))

    def _buffer(self, rows: int, columns: int, chains: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        key = (rows, columns, chains)
        if key not in self._buffers:
            bits = torch.empty((rows * columns + 3) // 4, dtype=torch.int64)
            high = bits.view(torch.int16)[: rows * columns].view(rows, columns)
            low = torch.empty(columns) if chains == 0 else torch.empty(rows, 1)
            self._buffers[key] = bits, high, low, torch.empty(rows, columns)
        return self._buffers[key]


def _random(bits: Tensor, generator: torch.Generator | None) -> None:
    bits.random_(-(2**63), None, generator=generator)


@functools.cache
def _side_by_side(threads: int) -> Callable[..., Iterable[None]]:
    """A `map` over that many threads; torch lets other threads run while it fills a tensor."""
    return map if threads == 1 else ThreadPoolExecutor(threads, "uniform").map
