"""Can rows that the model was not made for be told by its score?"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.distributions.supports import check
from genlatent.errors import DataError, Unsupported
from genlatent.evaluation.likelihood import ROWS_AT_ONCE, Z_95
from genlatent.evaluation.record import Record
from genlatent.numerics import devices
from genlatent.numerics.randomness import stream

Scores = Float[Tensor, " _"]


class Area(NamedTuple):
    """An area under the curve, and where it lies with 95 % confidence."""

    value: float
    sides: tuple[float, float] | None


def auroc(inside: Scores, outside: Scores) -> Area:
    r"""How often a row from inside scores higher than one from outside,

    .. math:: P(s > s') + \tfrac{1}{2} P(s = s')

    the area under the receiver operating characteristic. The interval is from the variances of the shares that each
    row beats; there is none where the two sets do not overlap, nor below 2 rows.

    References:
        Comparing the areas under two or more correlated receiver operating characteristic curves (DeLong et al., 1988)

    >>> auroc(torch.tensor([2.0, 3.0]), torch.tensor([0.0, 1.0])).value
    1.0
    """
    if not len(inside) or not len(outside):
        raise DataError(f"scores of both kinds are wanted, got {len(inside)} inside and {len(outside)} outside")
    if inside.isnan().any() or outside.isnan().any():
        raise DataError("a score is NaN, so it cannot be compared with the others")
    beaten = _beaten(inside.double(), outside.double())
    beating = 1 - _beaten(outside.double(), inside.double())
    value = float(beaten.mean())
    if min(len(inside), len(outside)) < 2:
        return Area(value, None)
    half = Z_95 * math.sqrt(float(beaten.var()) / len(inside) + float(beating.var()) / len(outside))
    return Area(value, (max(0.0, value - half), min(1.0, value + half)) if half > 0 else None)


def _beaten(scores: Tensor, others: Tensor) -> Tensor:
    """Of each score, the share of the others that lie below it; equal ones count half."""
    ordered = others.sort().values
    below = torch.searchsorted(ordered, scores)
    up_to = torch.searchsorted(ordered, scores, right=True)
    return (below + up_to).double() / (2 * len(others))


def outliers(model: Any, data: Dataset, outside: Tensor, *, name: str = "other rows", seed: int = 0) -> list[Record]:
    """Area under the curve of test rows against rows from elsewhere, by the model's score and by its reconstruction.

    Args:
        model: with a `score`, a `reconstruct` or both.
        data: its test rows are inside.
        outside: rows of the model's shape that it should find strange.
        name: what they are called.
        seed: of the score's draws.
    """
    inside, outside = model.shaped(data.test), model.shaped(outside.to(data.test))
    check(outside, model.support, f"{name} under {type(model).__name__}")
    kinds: dict[str, Callable[[Tensor], Tensor]] = {
        "the model's score": lambda x: model.score(x, generator=stream(seed, devices.of(model), name="outliers")),
        "minus the squared reconstruction error": lambda x: -_error(model, x),
    }
    found = []
    for method, ask in kinds.items():
        try:
            area = auroc(*(torch.cat([ask(part) for part in x.split(ROWS_AT_ONCE)]) for x in (inside, outside)))
        except Unsupported:
            continue
        found.append(_record(area, f"{method}, {len(outside)} rows of {name}", len(inside), data))
    return found


def _error(model: Any, x: Tensor) -> Tensor:
    return (model.reconstruct(x) - x).flatten(1).square().sum(1)


def _record(area: Area, method: str, rows: int, data: Dataset) -> Record:
    return Record(
        "outlier AUROC",
        area.value,
        method,
        interval=area.sides,
        rows=rows,
        data=data.title,
        binarisation=data.binarisation,
        reason="" if area.sides else "the scores do not overlap, so no interval",
    )
