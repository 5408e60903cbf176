r"""Whether importance weights can be averaged: the shape of their upper tail."""

import math

import numpy as np
from torch import Tensor

from genlatent.errors import DataError
from genlatent.evaluation.record import Record
from genlatent.sampling.arviz_loading import load_arviz

GOOD = 0.7  # shape beyond which more draws hardly help
SHARE = 0.05  # of rows that may have a larger one
FEWEST = 25  # draws below which a tail has no shape


def largest_shape(draws: int) -> float:
    r"""Shape up to which the mean of so many weights can be relied on, :math:`\min(1 - 1 / \log_{10} S, 0.7)`.

    References:
        Pareto Smoothed Importance Sampling (Vehtari et al., 2024)

    >>> [round(largest_shape(draws), 2) for draws in (100, 500, 5000)]
    [0.5, 0.63, 0.7]
    """
    return min(1 - 1 / math.log10(max(draws, 2)), GOOD)


def draws_needed(shape: float) -> int:
    r"""Draws from which on the mean of weights with a tail of this shape can be relied on, :math:`10^{1 / (1 - k)}`.

    >>> draws_needed(0.5), draws_needed(0.7)
    (100, 2155)
    """
    return math.ceil(10 ** (1 / (1 - min(shape, GOOD))) - 1e-9)


def pareto_shapes(log_weights: Tensor) -> np.ndarray:
    r"""Shape :math:`\hat k` of the generalised Pareto law that each row's largest weights follow.

    Below 0.5 the weights have a variance, below 1 a mean; from 0.7 on more draws hardly help. With few draws the
    estimate leans towards 0.5.

    Args:
        log_weights: `(draw, row)`.

    References:
        Pareto Smoothed Importance Sampling (Vehtari et al., 2024)
    """
    az = load_arviz()

    if log_weights.dim() != 2 or len(log_weights) < FEWEST:
        raise DataError(f"at least {FEWEST} draws of each row are wanted, got shape {tuple(log_weights.shape)}")
    columns = log_weights.double().numpy(force=True).T
    same = np.ptp(columns, axis=1) < 1e-9
    shapes = np.full(len(columns), -np.inf)  # equal weights have no tail at all
    if not same.all():
        with np.errstate(over="ignore"):  # in the smoothed weights, which nobody reads here
            shapes[~same] = np.atleast_1d(az.psislw(columns[~same].copy())[1])
    return shapes


def pareto_record(log_weights: Tensor) -> Record:
    """The median shape over rows, and whether too many of them are large."""
    shapes = pareto_shapes(log_weights)
    draws, rows = log_weights.shape
    limit = largest_shape(draws)
    bad = float(np.mean(shapes > limit))
    told = f"above {limit:.2g} in {bad:.0%} of the rows"
    verdict = "ok" if bad <= SHARE else "doubtful"
    reason = told if verdict == "ok" else f"{told}: their bounds rest on a few draws; {remedy(shapes)}"
    median = float(np.median(shapes))
    method = f"Pareto shape of {draws} draws a row, median"
    return Record("k-hat", max(median, -1.0), method, samples=draws, rows=rows, verdict=verdict, reason=reason)


def remedy(shapes: np.ndarray) -> str:
    """What mends the bound of rows whose weights have these shapes: more draws, or another guide."""
    bad = float(np.mean(shapes > GOOD))
    if bad <= SHARE:
        return f"{draws_needed(float(np.quantile(shapes, 1 - SHARE)))} draws a row would do"
    return f"the guide misses the posterior in {bad:.0%}, which more draws do not mend but annealing in z does"


def used_records(kl: dict[str, Tensor], active: dict[str, Tensor], rows: int) -> list[Record]:
    """For each latent site, how many of its dimensions are active, and the divergence in all."""
    records = []
    for name, values in kl.items():
        of = "" if len(kl) == 1 else f" of {name}"
        size, count = len(active[name]), int(active[name].sum())
        verdict = ("ok", "") if count else ("failed", "the code tells nothing of x: a collapsed posterior")
        method = f"of {size}, variance of the posterior mean above 0.01"
        records.append(Record(f"active units{of}", count, method, rows=rows, verdict=verdict[0], reason=verdict[1]))
        total = float(values.double().sum())
        records.append(Record(f"KL(q(z|x) || p(z)){of}", total, "mean over rows", unit="nats", rows=rows))
    return records
