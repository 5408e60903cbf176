"""What chains showed, draw by draw, in as little memory as it takes."""

from collections.abc import Iterator, Mapping

import numpy as np
from torch import Tensor

from genlatent.numerics import bits


class Stored(Mapping[str, Tensor]):
    """Values by name, `(chain, draw, ...)` each; those of two-valued units take a bit each and are unpacked when asked.

    >>> import torch
    >>> stored = Stored(draws=2)
    >>> for draw in range(2):
    ...     stored.write(draw, {"v": torch.ones(3, 16), "energy": torch.full((3,), -0.5)})
    >>> stored["v"].shape, stored.nbytes
    (torch.Size([3, 2, 16]), 36)
    """

    def __init__(self, draws: int, columns: Mapping[str, "Column"] | None = None):
        self.draws = draws
        self._columns = dict(columns or {})

    def __getitem__(self, name: str) -> Tensor:
        return self._columns[name].values()

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def nbytes(self) -> int:
        """Memory that all of it takes."""
        return sum(column.nbytes for column in self._columns.values())

    def write(self, draw: int, values: Mapping[str, Tensor]) -> None:
        """What is seen of all chains at one draw."""
        for name, value in values.items():
            if name not in self._columns:
                self._columns[name] = Column(value, self.draws)
            self._columns[name].write(draw, value)

    def only(self, chains: Tensor) -> "Stored":
        """Some of the chains."""
        return Stored(self.draws, {name: column.only(chains) for name, column in self._columns.items()})


class Column:
    """One variable: bits as long as its values are 1 and one other, 0 or -1; plain numbers from then on."""

    def __init__(self, like: Tensor, draws: int):
        self._dtype, self._event = like.dtype, like.shape[1:]
        self._low: float | None = None  # unknown as long as every value is 1
        self._bits: np.ndarray | None = None
        self._plain: Tensor | None = None
        if _may_be_packed(like):
            width = -(-self._event.numel() // 8)
            self._bits = np.zeros((len(like), draws, width), dtype=np.uint8)
        else:
            self._plain = like.new_empty(len(like), draws, *self._event)

    @property
    def nbytes(self) -> int:
        """Memory of all draws."""
        return self._bits.nbytes if self._plain is None and self._bits is not None else self.values().nbytes

    def write(self, draw: int, value: Tensor) -> None:
        """All chains at one draw."""
        if self._plain is None and not self._packed(draw, value):
            self._plain, self._bits = self.values(), None
        if self._plain is not None:
            self._plain[:, draw] = value

    def _packed(self, draw: int, value: Tensor) -> bool:
        """Whether the value went into bits."""
        low = bits.low_of(value)
        if low is None or self._bits is None or (low != bits.HIGH and self._low not in (None, low)):
            return False
        self._low = self._low if low == bits.HIGH else low
        self._bits[:, draw] = bits.pack(value.reshape(len(value), -1))
        return True

    def values(self) -> Tensor:
        """`(chain, draw, ...)` as numbers."""
        if self._plain is not None:
            return self._plain
        assert self._bits is not None
        low = 0.0 if self._low is None else self._low
        flat = bits.unpack(self._bits, self._event.numel(), low, self._dtype)
        return flat.reshape(*flat.shape[:2], *self._event)

    def only(self, chains: Tensor) -> "Column":
        """The same of some chains."""
        made = object.__new__(Column)
        made.__dict__.update(self.__dict__)
        made._bits = None if self._bits is None else self._bits[chains.numpy(force=True)]
        made._plain = None if self._plain is None else self._plain[chains]
        return made


def _may_be_packed(like: Tensor) -> bool:
    return like.device.type == "cpu" and like.is_floating_point() and like.dim() > 1 and like.numel() > 0
