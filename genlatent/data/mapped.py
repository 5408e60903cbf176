"""Rows that stay where they are, in a file or in host memory, and come to the device in shuffled blocks."""

import math
import mmap
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genlatent.data.casts import cast
from genlatent.distributions.supports import Support, check, inside

BLOCK_BYTES = 64 * 2**20
CACHED = 2**17  # numbers that stay in a processor's cache while something is computed from them
SCATTERED = 50  # rows from all over a file that are read before what they brought along, up to 2 MiB each, goes back


class MappedRows:
    """Training rows of an array too large for memory: a block of neighbouring rows is read at a time.

    Blocks are visited in shuffled order and the caller shuffles within, so an epoch depends on nothing but the
    state of the generator. Rows that were set aside for validation and test are passed over. While one block is being
    learned from, a thread reads the next one; what was read of a file is given back to the operating system.

    Args:
        source: the array `(n, *shape)`, usually mapped from a `.npy` file.
        set_aside: sorted numbers of the rows that do not belong to training.
        scale: what each value is multiplied by, 1/255 for pixels.
        block_bytes: size of a block as float32.
        shape: of one row, where it is not that of the array.

    >>> rows = MappedRows(np.arange(20.0).reshape(10, 2), set_aside=np.array([3]), block_bytes=32)
    >>> len(rows), rows.num_blocks, sum(len(part) for part, _ in rows.blocks(torch.Generator().manual_seed(0)))
    (9, 3, 9)
    """

    dtype = torch.float32

    def __init__(
        self,
        source: np.ndarray,
        *,
        set_aside: np.ndarray | None = None,
        scale: float = 1.0,
        block_bytes: int = BLOCK_BYTES,
        shape: Sequence[int] | None = None,
    ):
        self.source, self.scale, self.block_bytes = source, scale, block_bytes
        self.set_aside = np.zeros(0, dtype=np.int64) if set_aside is None else np.asarray(set_aside)
        self.row_shape = torch.Size(source.shape[1:] if shape is None else shape)
        self.block_rows = max(1, block_bytes // (4 * max(1, self.row_shape.numel())))
        self.device: Any = None
        self._guard: tuple[Support, str, bool] | None = None

    def __len__(self) -> int:
        return len(self.source) - len(self.set_aside)

    @property
    def shape(self) -> torch.Size:
        """`(n, *row)`, as of the tensor that this stands for."""
        return torch.Size((len(self), *self.row_shape))

    @property
    def num_blocks(self) -> int:
        """Blocks in an epoch."""
        return -(-len(self.source) // self.block_rows)

    def to(self, device: torch.device | str) -> "MappedRows":
        """The same rows, whose blocks arrive on the device."""
        return self._changed(device=torch.device(device))

    def reshape(self, _: int, *shape: int) -> "MappedRows":
        """The same rows in another shape, as `Tensor.reshape(-1, *shape)`."""
        return self._changed(row_shape=torch.Size(shape))

    def guard(self, support: Support, who: str, missing: bool) -> None:
        """Have every block checked against the support as it is read."""
        self._guard = (support, who, missing)

    def read(self, rows: Any) -> Tensor:
        """Rows of the source, by slice or by numbers, as float32 on the device."""
        part = torch.from_numpy(self._values(rows))
        part = (part if self.scale == 1 else part.mul_(self.scale)).reshape(-1, *self.row_shape)
        if self._guard is not None:
            support, who, missing = self._guard
            first = rows.start if isinstance(rows, slice) else int(rows[0])
            if not _plainly_inside(part, support):
                check(part, support, f"{who}, counted from row {first} of the file", missing=missing)
        return part if self.device is None else part.to(self.device)

    def _values(self, rows: Any) -> np.ndarray:
        if isinstance(rows, slice) or len(rows) < SCATTERED or rows[-1] - rows[0] < 2 * len(rows):
            values = cast(self.source[rows])
            self._give_back()
            return values
        values = np.empty((len(rows), *self.source.shape[1:]), dtype=np.float32)
        for at in range(0, len(rows), SCATTERED):
            values[at : at + SCATTERED] = cast(self.source[rows[at : at + SCATTERED]])
            self._give_back()
        return values

    def blocks(self, generator: torch.Generator) -> Iterator[tuple[Tensor, int]]:
        """One epoch: each block once, in shuffled order, with the place of its first row among the training rows."""
        order = torch.randperm(self.num_blocks, generator=generator, device=generator.device).tolist()
        with ThreadPoolExecutor(1, "rows") as ahead:
            reading = [ahead.submit(self._block, number) for number in order[:1]]
            for _, following in pairwise([*order, None]):
                part, start = reading.pop().result()
                if following is not None:
                    reading.append(ahead.submit(self._block, following))
                if len(part):
                    yield part, start

    def _block(self, number: int) -> tuple[Tensor, int]:
        """The training rows of one block, and the place of the first among all of them."""
        start, stop = number * self.block_rows, min((number + 1) * self.block_rows, len(self.source))
        before, within = np.searchsorted(self.set_aside, (start, stop))
        kept = np.setdiff1d(np.arange(start, stop), self.set_aside[before:within], assume_unique=True)
        part = self.read(kept if within > before else slice(start, stop)) if len(kept) else torch.empty(0)
        return part, start - int(before)

    def _give_back(self) -> None:
        """Let go of the file's pages, which would else count as this process's memory."""
        pages = getattr(self.source, "_mmap", None)
        if pages is not None and getattr(self.source, "mode", "") == "r" and hasattr(mmap, "MADV_DONTNEED"):
            pages.madvise(mmap.MADV_DONTNEED)

    def spread(self, num_rows: int) -> Tensor:
        """Up to `num_rows` rows, evenly spaced, none of them set aside."""
        numbers = np.unique(np.linspace(0, len(self.source) - 1, min(num_rows, len(self.source))).astype(np.int64))
        return self.read(np.setdiff1d(numbers, self.set_aside, assume_unique=True))

    def _changed(self, **attributes: Any) -> "MappedRows":
        made = MappedRows(
            self.source,
            set_aside=self.set_aside,
            scale=self.scale,
            block_bytes=self.block_bytes,
            shape=self.row_shape,
        )
        made.device, made._guard = self.device, self._guard
        for name, value in attributes.items():
            setattr(made, name, value)
        return made


def _plainly_inside(part: Tensor, support: Support) -> bool:
    """Whether a look that costs little shows all values inside the support, none of them NaN."""
    if support not in ("unit", "real", "binary"):
        return isinstance(support, str) and bool(inside(part, support).all())
    least, most = (float(end) for end in part.aminmax())
    if support == "real":
        return -math.inf < least and most < math.inf
    whole = support == "unit" or all(torch.equal(some, some.round()) for some in part.reshape(-1).split(CACHED))
    return least >= 0 and most <= 1 and whole
