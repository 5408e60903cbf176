"""What is learned from: three sets of rows, and everything a model must know of them."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlatent.data import memory
from genlatent.data.fingerprints import fingerprint
from genlatent.data.mapped import MappedRows
from genlatent.data.restored import to_table
from genlatent.data.soundness import check_dataset
from genlatent.data.standards import Standards
from genlatent.data.table import Table
from genlatent.distributions.supports import Support, check, one_hot
from genlatent.errors import DataError


class Splits(NamedTuple):
    """The same thing of the three sets: what is learned from, what is watched while learning, what is judged on."""

    train: Tensor
    valid: Tensor
    test: Tensor


class Block(NamedTuple):
    """A part of one epoch: rows on the device, their labels, and the order in which they are visited."""

    rows: Tensor
    labels: Tensor | None
    order: Tensor  # int64 (n,), indices into rows


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Training, validation and test rows of one shape, whose values lie in a known support.

    Args:
        train: rows `(n, *shape)` of floats, in memory or mapped from a file. Under dynamic binarisation they stay
            grey, and :meth:`observe` turns what a step has gathered into bits.
        valid: rows for early stopping and the choice of the best checkpoint.
        test: rows for the numbers that are reported.
        shape: of one row; images are `(channels, height, width)`.
        support: where the values lie that a model sees: one name, or one per column.
        name: as it stands in results, with the binarisation beside it.
        labels: whole numbers for each row, `(n,)` or `(n, k)`, -1 where there is none; or conditions,
            floats `(n, ...)`.
        label_names: what the k columns of the labels are called.
        columns: what the columns of a table are called.
        categories: by name of a column or label, the texts that its numbers 0, 1, 2, ... stand for.
        integers: the columns that hold whole numbers only.
        standards: mean and standard deviation of each value of a row, where they were standardised.
        binarisation: `none`, `threshold`, `static(SEED)` or `dynamic`.
        missing: whether NaN stands for a missing value; elsewhere NaN is refused.

    >>> x = torch.arange(12.0).reshape(6, 2)
    >>> Dataset(x[:4], x[4:5], x[5:], shape=torch.Size([2]), support="real", name="tiny")
    Dataset('tiny': 4 + 1 + 1 rows of shape (2,), real)
    """

    train: Tensor | MappedRows
    valid: Tensor
    test: Tensor
    shape: torch.Size
    support: Support
    name: str
    labels: Splits | None = None
    label_names: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    integers: tuple[str, ...] = ()
    standards: Standards = ()
    binarisation: str = "none"
    missing: bool = False
    fingerprint: str = field(init=False, default="")

    def __post_init__(self):
        for name, kind in (("shape", torch.Size), ("label_names", tuple), ("columns", tuple), ("integers", tuple)):
            object.__setattr__(self, name, kind(getattr(self, name)))
        for name in ("train", "valid", "test"):
            part = getattr(self, name)
            if isinstance(part, Tensor):  # one row after another, as batches of rows are taken
                object.__setattr__(self, name, part.contiguous())
        object.__setattr__(self, "categories", {name: tuple(texts) for name, texts in self.categories.items()})
        if not isinstance(self.support, str):
            object.__setattr__(self, "support", tuple(self.support))
        check_dataset(self)
        object.__setattr__(self, "fingerprint", fingerprint(self.train, self.valid, self.test, *(self.labels or ())))

    @property
    def title(self) -> str:
        """Name and binarisation, as they stand in results: numbers under different titles are not compared."""
        if self.binarisation != "none":
            return f"{self.name}, {self.binarisation} bits"
        if self.standards:
            return f"{self.name}, standardised"
        if self.support != "unit":
            return self.name
        return f"{self.name}, {'colour' if len(self.shape) == 3 and self.shape[0] == 3 else 'grey'}"

    def __repr__(self) -> str:
        rows = " + ".join(str(len(part)) for part in (self.train, self.valid, self.test))
        support = self.support if isinstance(self.support, str) else "/".join(self.support)
        return f"Dataset({self.title!r}: {rows} rows of shape {tuple(self.shape)}, {support})"

    def about(self) -> dict[str, Any]:
        """What a model must remember of the data that made it, as plain values."""
        return {
            "title": self.title,
            "name": self.name,
            "binarisation": self.binarisation,
            "fingerprint": self.fingerprint,
            "shape": list(self.shape),
            "support": self.support if isinstance(self.support, str) else list(self.support),
            "missing": self.missing,
            "columns": list(self.columns),
            "categories": {name: list(texts) for name, texts in self.categories.items()},
            "integers": list(self.integers),
            "standards": [list(pair) for pair in self.standards],
            "label_names": list(self.label_names),
        }

    def restore(self, rows: Tensor) -> Table:
        """Rows as the user's own table, in its units: texts for the numbers of categories, whole numbers whole."""
        return to_table(rows, self.about())

    def to(self, device: torch.device | str) -> "Dataset":
        """The same data on a device; training rows that do not fit there stay where they are and stream in blocks."""
        moved = copy.copy(self)  # checked and fingerprinted already
        train = self.train
        if isinstance(train, Tensor) and not memory.fits(train, torch.device(device)):
            train = MappedRows(train.numpy(force=True))
        object.__setattr__(moved, "train", train.to(device))
        object.__setattr__(moved, "valid", self.valid.to(device))
        object.__setattr__(moved, "test", self.test.to(device))
        if self.labels is not None:
            object.__setattr__(moved, "labels", Splits(*(part.to(device) for part in self.labels)))
        return moved

    def reshaped(self, shape: Sequence[int]) -> "Dataset":
        """The same values in rows of another shape; one with q places for each value takes class numbers as one-hot.

        >>> load = Dataset(*(torch.tensor([[2.0, 0.0]]) for _ in range(3)), torch.Size([2]), "categorical:3", "codes")
        >>> load.reshaped((2, 3)).test, load.reshaped((2, 3)).support
        (tensor([[[0., 0., 1.],
                 [1., 0., 0.]]]), 'one-hot:3')
        """
        shape = torch.Size(shape)
        classes, rest = divmod(shape.numel(), self.shape.numel())
        if classes > 1 and not rest:
            return self._one_hot(shape, classes)
        parts = {name: getattr(self, name).reshape(-1, *shape) for name in ("train", "valid", "test")}
        return replace(self, shape=shape, **parts)

    def _one_hot(self, shape: torch.Size, classes: int) -> "Dataset":
        if not isinstance(self.train, Tensor):
            raise DataError(f"{self.name} is mapped from a file; write its class numbers there as one-hot rows")
        parts = {name: getattr(self, name) for name in ("train", "valid", "test")}
        for name, rows in parts.items():
            check(rows, f"categorical:{classes}", f"{self.name} ({name})", missing=self.missing)
        parts = {name: one_hot(rows, classes).reshape(-1, *shape) for name, rows in parts.items()}
        return replace(self, shape=shape, support=f"one-hot:{classes}", columns=(), integers=(), **parts)

    def observe(self, x: Tensor) -> Tensor:
        """What a model sees of gathered training rows: fresh bits under dynamic binarisation, else the rows."""
        if self.binarisation != "dynamic":
            return x
        bits = (torch.rand(x.shape, dtype=x.dtype, device=x.device) < x).to(x.dtype)
        return torch.where(x.isnan(), x, bits) if self.missing else bits

    def blocks(self, generator: torch.Generator) -> Iterator[Block]:
        """One epoch in shuffled order: a single block where the rows are in memory, many where they are mapped."""
        labels = None if self.labels is None else self.labels.train
        if isinstance(self.train, Tensor):
            yield Block(self.train, labels, _order(self.train, generator))
            return
        for rows, start in self.train.blocks(generator):
            part = None if labels is None else labels[start : start + len(rows)]
            yield Block(rows, part, _order(rows, generator))

    def glimpse(self, num_rows: int = 10_000) -> Tensor:
        """Up to `num_rows` training rows, evenly spaced: for statistics that need no more."""
        if not isinstance(self.train, Tensor):
            return self.train.spread(num_rows)
        step = -(-len(self.train) // num_rows)
        return self.train[::step]


def _order(rows: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randperm(len(rows), generator=generator, device=generator.device).to(rows.device)
