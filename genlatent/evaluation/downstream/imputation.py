"""How well a model fills gaps, beside the simplest ways to fill them."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from genlatent.data.dataset import Dataset
from genlatent.errors import RecipeError
from genlatent.evaluation.likelihood import ROWS_AT_ONCE, mean_interval
from genlatent.evaluation.record import Record
from genlatent.numerics import devices
from genlatent.numerics.randomness import stream
from genlatent.training.fit import fitting

RATES = (0.1, 0.3, 0.5, 0.7)

Fill = Callable[[Tensor], Tensor]  # rows with NaN -> rows without


def imputation(model: Any, data: Dataset, rates: Sequence[float] = RATES, *, seed: int = 0) -> list[Record]:
    r"""Mean squared error of the values that were taken away at random from test rows, by the share taken away,

    .. math:: \frac{1}{N} \sum_n \frac{1}{|M_n|} \sum_{i \in M_n} (x_{ni} - \hat x_{ni})^2

    of the model, and of the mean and the median of the training rows in the same gaps.

    Args:
        model: with `impute`.
        data: its test rows get gaps; values that miss already are not judged.
        rates: shares of the values, each between 0 and 1.
        seed: of the gaps and of the model's draws.
    """
    data = fitting(model, data)
    x, ways = data.test, {type(model).__name__: _model(model, seed), **simplest(data)}
    found = []
    for rate in rates:
        gaps = missing_at_random(x, rate, seed)
        for name, fill in ways.items():
            found.append(_record(errors(fill, x, gaps), name, rate, data))
    return found


def errors(fill: Fill, x: Tensor, gaps: Tensor) -> Tensor:
    """Of each row with a gap, the mean squared error of what was filled in there."""
    gappy = torch.where(gaps, torch.nan, x)
    filled = torch.cat([fill(part) for part in gappy.split(ROWS_AT_ONCE)])
    squares = torch.where(gaps, (filled - x).square(), 0.0).flatten(1).sum(1)
    count = gaps.flatten(1).sum(1)
    return (squares / count)[count > 0]


def missing_at_random(x: Tensor, rate: float, seed: int = 0) -> Tensor:
    """Which values are taken away, each with the same probability; those that miss already are not among them."""
    if not 0 < rate < 1:
        raise RecipeError(f"rates must lie between 0 and 1, got {rate}")
    draws = torch.rand(x.shape, generator=stream(seed, x.device, name="gaps"), device=x.device)
    return (draws < rate) & ~x.isnan()


def simplest(data: Dataset) -> dict[str, Fill]:
    """The mean and the median of the training rows, value by value."""
    rows = data.glimpse().to(data.test)
    typical = {"training means": rows.nanmean(0), "training medians": rows.nanmedian(0).values}
    return {name: _constant(value) for name, value in typical.items()}


def _constant(value: Tensor) -> Fill:
    return lambda x: torch.where(x.isnan(), value, x)


def _model(model: Any, seed: int) -> Fill:
    return lambda x: model.impute(x, generator=stream(seed, devices.of(model), name="imputation"))


def _record(rows: Tensor, name: str, rate: float, data: Dataset) -> Record:
    interval = mean_interval(rows)
    return Record(
        f"imputation error, {rate:.0%} missing",
        interval.mean,
        name,
        unit="squared units a value",
        interval=interval.sides,
        rows=len(rows),
        data=data.title,
        binarisation=data.binarisation,
    )
