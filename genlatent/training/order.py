"""Which rows come when: shuffled epochs that can be left and entered again in the middle."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from genlatent.data.dataset import Block, Dataset
from genlatent.training.step import Rows


class Epochs:
    """Batches of shuffled rows; the position is the random state at the epoch's start and the batches taken since.

    Args:
        data: gives `blocks(generator)`: one for rows in memory, many for rows that are read from a file.
        batch_size: rows in a batch over all processes; the last one of an epoch may be smaller.
        generator: the shuffling stream.
    """

    def __init__(self, data: Dataset, batch_size: int, generator: torch.Generator):
        self.data = data
        self.batch_size = batch_size
        self.generator = generator
        self.start = generator.get_state()
        self.taken = 0

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.data.train) // self.batch_size)

    def __iter__(self) -> Iterator[Rows]:
        """What is left of the current epoch."""
        self.generator.set_state(self.start)
        batches = self._resident if isinstance(self.data.train, Tensor) else self._streamed
        for number, batch in enumerate(batches(self.data.blocks(self.generator))):
            if number >= self.taken:
                self.taken = number + 1
                yield batch
        self.start = self.generator.get_state()
        self.taken = 0

    def _resident(self, blocks: Iterator[Block]) -> Iterator[Rows]:
        """All rows and which of them to gather: the step does that itself."""
        for block in blocks:
            for index in block.order.split(self.batch_size):
                yield Rows(block.rows, block.labels, index)

    def _streamed(self, blocks: Iterator[Block]) -> Iterator[Rows]:
        """Gathered rows, all batches of one size: what a block leaves over goes into the next one's first batch."""
        left: tuple[Tensor, Tensor | None] | None = None
        for block in blocks:
            rows = block.rows[block.order]
            labels = None if block.labels is None else block.labels[block.order]
            if left is not None:
                rows = torch.cat((left[0], rows))
                labels = None if labels is None or left[1] is None else torch.cat((left[1], labels))
            full = len(rows) - len(rows) % self.batch_size
            for at in range(0, full, self.batch_size):
                yield self._gathered(rows, labels, slice(at, at + self.batch_size))
            left = rows[full:], None if labels is None else labels[full:]
        if left is not None and len(left[0]):
            yield self._gathered(*left, slice(None))

    @staticmethod
    def _gathered(rows: Tensor, labels: Tensor | None, part: slice) -> Rows:
        rows = rows[part]
        return Rows(rows, None if labels is None else labels[part], torch.arange(len(rows), device=rows.device))

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        return {"start": self.start, "taken": self.taken}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a checkpoint."""
        self.start, self.taken = state["start"], state["taken"]
