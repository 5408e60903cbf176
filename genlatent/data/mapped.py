"""Rows that stay where they are, in a file or in host memory, and come to the device in shuffled blocks."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genlatent.distributions.supports import Support, check

BLOCK_BYTES = 64 * 2**20


class MappedRows:
    """Training rows of an array too large for memory: a block of neighbouring rows is read at a time.

    Blocks are visited in shuffled order and the caller shuffles within, so an epoch depends on nothing but the
    state of the generator. Rows that were set aside for validation and test are passed over.

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
        part = torch.from_numpy(np.array(self.source[rows], dtype=np.float32)) * self.scale
        part = part.reshape(-1, *self.row_shape)
        if self._guard is not None:
            support, who, missing = self._guard
            first = rows.start if isinstance(rows, slice) else int(rows[0])
            check(part, support, f"{who}, counted from row {first} of the file", missing=missing)
        return part if self.device is None else part.to(self.device)

    def blocks(self, generator: torch.Generator) -> Iterator[tuple[Tensor, int]]:
        """One epoch: each block once, in shuffled order, with the place of its first row among the training rows."""
        order = torch.randperm(self.num_blocks, generator=generator, device=generator.device)
        for number in order.tolist():
            start, stop = number * self.block_rows, min((number + 1) * self.block_rows, len(self.source))
            before, inside = np.searchsorted(self.set_aside, (start, stop))
            kept = np.setdiff1d(np.arange(start, stop), self.set_aside[before:inside], assume_unique=True)
            if len(kept):
                yield self.read(kept if inside > before else slice(start, stop)), start - int(before)

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
