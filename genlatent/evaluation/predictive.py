r"""Posterior-predictive checks: whether data that the model makes look like the data, in numbers one cares about.

With a statistic T of a whole set of rows, :math:`x` the rows and :math:`x'` replicas of them from the model,

.. math:: p = 2 \min\bigl(P(T(x') \ge T(x)), \, P(T(x') \le T(x))\bigr)

is small where the model hardly ever makes rows with that T.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from pyro import poutine
from torch import Tensor

from genlatent.errors import RecipeError
from genlatent.evaluation.record import Record
from genlatent.objectives.pyro_terms import guided

REPLICAS = 200
DOUBTED, REFUSED = 0.05, 0.01
CODES = ("posterior", "prior")

Statistic = Callable[[Tensor], Any]  # rows, with NaN where values are missing -> one number


def mean(x: Tensor) -> Tensor:
    """The mean of all values."""
    return x.nanmean()


def variance(x: Tensor) -> Tensor:
    """The variance of all values."""
    return (x - x.nanmean()).square().nanmean()


def spread_of_rows(x: Tensor) -> Tensor:
    """The variance of the rows' means: how much rows differ as wholes."""
    return x.flatten(1).nanmean(1).var()


def zeros(x: Tensor) -> Tensor:
    """The share of zeros."""
    return (x == 0).double().sum() / (~x.isnan()).sum()


STATISTICS: Mapping[str, Statistic] = {
    "mean": mean,
    "variance": variance,
    "variance of row means": spread_of_rows,
    "share of zeros": zeros,
}


def replica(
    model: Any, x: Tensor, y: Tensor | None = None, *, codes: str = "posterior", generator: Any = None
) -> Tensor:
    """Rows like these from the model: of codes from q(z | x), or of new codes; missing where these are missing."""
    with model.asked(generator):
        program = model.model
        if codes == "posterior":
            program = poutine.replay(model.model, trace=guided(model, x, y))
        made = program(None, y, n=len(x))
    return torch.where(x.isnan(), x, made)


def predictive_checks(
    model: Any,
    x: Tensor,
    statistics: Mapping[str, Statistic] | None = None,
    *,
    y: Tensor | None = None,
    codes: str = "posterior",
    replicas: int = REPLICAS,
    generator: torch.Generator | None = None,
) -> list[Record]:
    """For each statistic its value on the rows, where replicas lie, and how rarely they lie so far out.

    Args:
        model: a latent model.
        x: rows; better such as it has not learned from.
        statistics: by name, of a set of rows; mean, variance, variance of the rows' means and share of zeros by
            default.
        y: labels or conditions beside the rows.
        codes: `posterior`: each replica of a row has a code from q(z | x); `prior`: replicas are new rows. The former
            have seen the row that they are compared with, so that their p-values are nearer to 1 than even ones.
        replicas: how many sets of rows are made.
        generator: the random stream; torch's default one otherwise.

    References:
        Posterior predictive assessment of model fitness via realized discrepancies (Gelman, Meng and Stern, 1996)
    """
    if codes not in CODES or replicas < 1:
        raise RecipeError(
            f"codes must be one of {', '.join(CODES)} and replicas at least 1, got {codes!r} and {replicas}"
        )
    chosen = dict(STATISTICS if statistics is None else statistics)
    model.check(x)
    x, found = model.shaped(x), {name: [] for name in chosen}
    for _ in range(replicas):
        made = replica(model, x, y, codes=codes, generator=generator)
        for name, statistic in chosen.items():
            found[name].append(float(statistic(made)))
    made_how = "their own codes" if codes == "posterior" else "new codes"
    return [
        check(name, float(statistic(x)), torch.tensor(found[name], dtype=torch.float64), made_how, len(x))
        for name, statistic in chosen.items()
    ]


def check(name: str, observed: float, made: Tensor, how: str, rows: int = 0) -> Record:
    """The record of one statistic; its value is the p-value, which a set of rows like the replicas never has at 0.

    >>> check("mean", 5.0, torch.arange(10.0), "new codes").value
    1.0
    """
    count = len(made) + 1
    above, below = (1 + int((made >= observed).sum())) / count, (1 + int((made <= observed).sum())) / count
    p = min(1.0, 2 * min(above, below))
    low, high = (float(made.quantile(level)) for level in (0.025, 0.975))
    told = f"{observed:.4g} where the model makes {low:.4g} .. {high:.4g}"
    verdict = "ok" if p >= DOUBTED else "doubtful" if p >= REFUSED else "failed"
    method = f"{len(made)} replicas of {how}, both tails"
    return Record(f"predictive check, {name}", p, method, "p-value", None, len(made), rows, "", "none", verdict, told)
