"""Codes as a compressed form of the data: bits against distortion."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.errors import RecipeError, Unsupported
from genlatent.evaluation.codes import Rows, encoded
from genlatent.evaluation.likelihood import ROWS_AT_ONCE, mean_interval
from genlatent.evaluation.record import Record
from genlatent.training.fit import fitting

BITS = (1, 2, 3, 4, 6, 8)


class Quantised(NamedTuple):
    """Codes at the middle of their cells, and the number of each cell."""

    codes: Rows
    cells: Tensor  # whole numbers, as the codes are shaped


class CompressionPoint(NamedTuple):
    """What b bits for each value of a code come to."""

    bits: int  # for each value of a code
    rate: float  # bits for each row, as they are stored
    entropy: float  # bits for each row that the cells hold, value by value; a code of variable length gets near it
    distortion: Record  # mean over test rows of the squared error


class Quantiser:
    r"""Each value of a code in one of :math:`2^b` equal cells between its least and greatest value in training.

    .. math:: \hat z = m + \Delta \, (\lfloor (z - m) / \Delta \rfloor + \tfrac{1}{2}), \qquad \Delta = (M - m) / 2^b

    Values outside go into the nearest cell.

    Args:
        train: codes that m and M are taken from.
        bits: b.

    >>> Quantiser(torch.tensor([[0.0], [4.0]]), bits=1)(torch.tensor([[0.5], [9.0]])).codes
    tensor([[1.],
            [3.]])
    """

    def __init__(self, train: Rows, bits: int = 8):
        if not 1 <= bits <= 16:
            raise RecipeError(f"bits must be between 1 and 16, got {bits}")
        self.bits, self.low = bits, train.amin(0)
        self.width = (train.amax(0) - self.low) / 2**bits

    def __call__(self, codes: Rows) -> Quantised:
        """Quantised codes."""
        cells = ((codes - self.low) / self.width).nan_to_num(0.0).floor().clamp(0, 2**self.bits - 1)
        return Quantised(self.low + self.width * (cells + 0.5), cells.long())


def entropy(cells: Tensor) -> float:
    r"""Sum over the columns of :math:`-\sum_c p(c) \log_2 p(c)`, with the shares of the rows for p.

    >>> entropy(torch.tensor([[0, 1], [1, 1], [2, 1], [3, 1]]))
    2.0
    """
    shares = [column.unique(return_counts=True)[1].double() / len(column) for column in cells.T]
    return float(sum(-(p * p.log2()).sum() for p in shares)) + 0.0


def compression_curve(model: Any, data: Dataset, bits: Sequence[int] = BITS) -> list[CompressionPoint]:
    """Squared error of test rows decoded from quantised codes, for several numbers of bits for each value of a code."""
    data = fitting(model, data)
    sample = model.encode(data.test[:1])
    if not sample.is_floating_point():
        raise Unsupported(f"the codes of {type(model).__name__} are whole numbers, so there is nothing to quantise")
    found, shape = encoded(model, data), sample.shape[1:]
    points = []
    for number in bits:
        quantised = Quantiser(found.train, number)(found.test)
        errors = _errors(model, quantised.codes.unflatten(-1, shape), data.test)
        rate = float(number * found.test.shape[1])
        points.append(CompressionPoint(number, rate, entropy(quantised.cells), _record(errors, number, rate, data)))
    return points


def _errors(model: Any, codes: Tensor, x: Tensor) -> Float[Tensor, " _"]:
    decoded = torch.cat([model.decode(part) for part in codes.split(ROWS_AT_ONCE)])
    return (decoded - model.shaped(x)).flatten(1).square().nansum(1)


def _record(errors: Tensor, bits: int, rate: float, data: Dataset) -> Record:
    found = mean_interval(errors)
    return Record(
        f"distortion at {rate:g} bits a row",
        found.mean,
        f"squared error, decoded from codes of {bits} bits a value",
        unit="squared units",
        interval=found.sides,
        rows=len(errors),
        data=data.title,
        binarisation=data.binarisation,
    )
