"""Which rows come when: shuffled epochs that can be left and entered again in the middle."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from genlatent.data.dataset import Block, Dataset
from genlatent.errors import RecipeError
from genlatent.objectives.base import Labelled
from genlatent.training import distributed
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
        """Gathered rows, all batches of one size: what a block leaves over begins the next one's first batch."""
        held: list[Block] = []
        for block in blocks:
            start = self.batch_size - sum(len(part.order) for part in held)
            for order in (block.order[:start], *block.order[start:].split(self.batch_size)):
                held += [block._replace(order=order)] if len(order) else []
                if sum(len(part.order) for part in held) == self.batch_size:
                    yield self._gathered(held)
                    held = []
        if sum(len(part.order) for part in held):
            yield self._gathered(held)

    @staticmethod
    def _gathered(blocks: list[Block]) -> Rows:
        rows = _joined([block.rows.index_select(0, block.order) for block in blocks])
        labels = [block.labels.index_select(0, block.order) for block in blocks if block.labels is not None]
        return Rows(rows, _joined(labels) if labels else None, torch.arange(len(rows), device=rows.device))

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        return {"start": self.start, "taken": self.taken}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a checkpoint."""
        self.start, self.taken = state["start"], state["taken"]


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


class Mixed(Epochs):
    """Batches whose first rows are labelled and whose others are not, always as many of each.

    An epoch shows every row without a label once; the labelled ones come round again and again, shuffled anew each
    time, and are told how many rows each of them stands for.

    Args:
        data: in memory, with labels of which some are -1.
        batch_size: rows in a batch over all processes.
        labelled: how many of them are labelled.
        generator: the shuffling stream.
    """

    def __init__(self, data: Dataset, batch_size: int, labelled: int, generator: torch.Generator):
        super().__init__(data, batch_size, generator)
        self.labelled = labelled
        self.known, self.others = parts(data)
        check_share(labelled, batch_size, len(self.known), len(self.others))

    def __len__(self) -> int:
        """Batches in an epoch."""
        return num_batches(len(self.others), self.batch_size, self.labelled)

    def _resident(self, blocks: Iterator[Block]) -> Iterator[Rows]:
        """Labelled rows first: a graph knows where they stand."""
        wanted = len(self) * self.labelled
        rounds = [self._shuffled(self.known) for _ in range(-(-wanted // len(self.known)))]
        known = torch.cat(rounds)[:wanted].split(self.labelled)
        for block in blocks:
            others = block.order[self.is_other[block.order]].split(self.batch_size - self.labelled)
            for first, rest in zip(known, others):
                weight = len(self.known) * len(rest) / (len(self.others) * self.labelled)
                yield Rows(block.rows, block.labels, torch.cat((first, rest)), Labelled(self.labelled, weight))

    def _shuffled(self, rows: Tensor) -> Tensor:
        drawn = torch.randperm(len(rows), generator=self.generator, device=self.generator.device)
        return rows[drawn.to(rows.device)]

    @property
    def is_other(self) -> Tensor:
        """Which rows have no label."""
        assert self.data.labels is not None
        return self.data.labels.train < 0


def parts(data: Dataset) -> tuple[Tensor, Tensor]:
    """Numbers of the training rows with a label, and of those without."""
    if data.labels is None or data.labels.train.dim() != 1:
        raise RecipeError(f"{data.title} has no single label for each row, so no share of a batch can be labelled")
    if not isinstance(data.train, Tensor):
        raise RecipeError(
            f"{data.title} is read from a file in blocks; batches of a fixed labelled part need it in memory"
        )
    known = data.labels.train >= 0
    return known.nonzero().squeeze(1), (~known).nonzero().squeeze(1)


def check_share(labelled: int, batch_size: int, known: int, others: int) -> None:
    """Refuse a labelled part that leaves no place for others, or for which there are no rows."""
    if not 1 <= labelled < batch_size:
        raise RecipeError(f"labelled must be at least 1 and below the batch size of {batch_size}, got {labelled}")
    if not known or not others:
        raise RecipeError(
            f"{known} rows have a label and {others} have none; batches of both kinds need some of each: "
            "leave labelled out, or mark rows without a label -1"
        )


def num_batches(rows: int, batch_size: int, labelled: int = 0) -> int:
    """Batches in an epoch over rows that are drawn once, beside a labelled part of each batch.

    >>> num_batches(1197, 200, 100), num_batches(1297, 100)
    (12, 13)
    """
    return math.ceil(rows / (batch_size - labelled))


def mine(batch: Rows) -> Rows:
    """This process's part of a batch: of each kind of rows where there are two."""
    if batch.labelled is None:
        return batch._replace(index=distributed.shard(batch.index))
    count, weight = batch.labelled
    known = distributed.shard(batch.index[:count])
    index = torch.cat((known, distributed.shard(batch.index[count:])))
    return batch._replace(index=index, labelled=Labelled(len(known), weight))
