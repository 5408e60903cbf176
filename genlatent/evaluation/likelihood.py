"""How probable a model finds held-out rows, in nats, as far as its family can say."""

import math
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from genlatent.distributions.supports import names
from genlatent.evaluation.importance import log_weights
from genlatent.evaluation.importance_weights import FEWEST as FEWEST_DRAWS
from genlatent.evaluation.importance_weights import GOOD, largest_shape, pareto_shapes, remedy
from genlatent.evaluation.record import Record
from genlatent.numerics.logspace import effective_sample_size, log_mean_exp

ROWS_AT_ONCE = 256
FEWEST = 5.0  # effective importance samples below which one draw speaks for nearly all
SHARE = 0.05  # of rows that may have fewer, or too heavy a tail
MOST = 0.5  # of rows with too heavy a tail from which on the bound says little
Z_95 = 1.959964
METRIC = "log-likelihood, lower bound"
DISCRETE = ("binary", "spin", "count", "categorical", "levels")
DENSITIES = ("unit", "open-unit")


class Interval(NamedTuple):
    """A mean over rows and where it lies with 95 % confidence, were other rows of the same kind judged."""

    mean: float
    sides: tuple[float, float] | None


def mean_interval(rows: Tensor) -> Interval:
    r"""Mean and :math:`\pm 1.96\, s / \sqrt{n}`.

    >>> mean_interval(torch.tensor([1.0, 3.0])).mean
    2.0
    """
    values = rows.double()
    mean = float(values.mean())
    if len(values) < 2:
        return Interval(mean, None)
    half = Z_95 * float(values.std()) / math.sqrt(len(values))
    return Interval(mean, (mean - half, mean + half))


def importance_bound(
    model: Any,
    x: Tensor,
    *,
    samples: int = 500,
    generator: torch.Generator | None = None,
    y: Tensor | None = None,
) -> list[Record]:
    r"""Lower bound on the mean log-likelihood by importance weighting, and the plain evidence lower bound.

    .. math:: \log \frac{1}{K} \sum_k w_k, \quad w_k = p(x, z_k) / q(z_k \mid x)

    both from the same draws; weights are summed in float64. The evidence lower bound is the mean of log w. Under a
    conditional model everything is given `y`. The verdict goes by the shape :math:`\hat k` of the Pareto law that each
    row's largest weights follow, and by how many draws carry them.

    References:
        Importance weighted autoencoders (Burda, Grosse and Salakhutdinov, 2016)
        Pareto Smoothed Importance Sampling (Vehtari et al., 2024)
    """
    return weighted_records(judged_by_weights(model, x, samples=samples, generator=generator, y=y), samples)


def weighted_records(rows: "Judged", samples: int) -> list[Record]:
    """Both bounds of rows that are judged already."""
    bound, elbo = mean_interval(rows.bound), mean_interval(rows.elbo)
    verdict, reason = trusted(rows.size, rows.shape, samples)
    common = {"unit": "nats", "samples": samples, "rows": len(rows.bound)}
    return [
        Record(
            METRIC,
            bound.mean,
            f"importance weighting, {samples} draws a row",
            interval=bound.sides,
            verdict=verdict,
            reason=reason,
            **common,
        ),
        Record("evidence lower bound", elbo.mean, f"mean of {samples} draws a row", interval=elbo.sides, **common),
    ]


class Judged(NamedTuple):
    """What the weights of each row say; the shape of their tail is NaN where there are too few draws to tell."""

    bound: Float64[Tensor, " row"]
    elbo: Float64[Tensor, " row"]
    size: Float64[Tensor, " row"]  # effective sample size
    shape: Float64[Tensor, " row"]  # Pareto's k-hat


def judged_rows(log_w: Tensor) -> Judged:
    """The same from the log-weights of some rows, `(draw, row)`."""
    log_w = log_w.double()
    known = len(log_w) >= FEWEST_DRAWS
    shape = torch.from_numpy(pareto_shapes(log_w)).to(log_w) if known else torch.full_like(log_w[0], math.nan)
    return Judged(log_mean_exp(log_w), log_w.mean(0), effective_sample_size(log_w), shape)


def judged_by_weights(
    model: Any, x: Tensor, *, samples: int, generator: torch.Generator | None = None, y: Tensor | None = None
) -> Judged:
    """What importance weights say of every row."""
    parts = [judged_rows(w) for w in log_weights(model, x, samples, generator=generator, y=y)]
    return Judged(*(torch.cat(part) for part in zip(*parts)))


def doubted(rows: Judged, samples: int) -> Bool[Tensor, " row"]:
    """Rows whose weights so few draws carry, or whose tail is so heavy, that their bound may be loose."""
    return (rows.shape > largest_shape(samples)) | (rows.size < FEWEST)


def trusted(sizes: Tensor, shapes: Tensor, samples: int) -> tuple[str, str]:
    """Verdict on importance weights by each row's effective sample size and, where it is known, Pareto shape.

    >>> trusted(torch.full((4,), 80.0), torch.tensor([0.1, 0.3, 0.2, 0.2]), 500)
    ('ok', 'k-hat above 0.63 in 0.0% of the rows, median 0.20; median effective sample size 80')
    """
    poor = float((sizes < FEWEST).double().mean())
    typical = f"median effective sample size {float(sizes.median()):.0f}"
    if not bool(shapes.isnan().any()):
        limit = largest_shape(samples)
        heavy = float((shapes > limit).double().mean())
        told = f"k-hat above {limit:.2g} in {heavy:.1%} of the rows, median {float(shapes.median()):.2f}; {typical}"
        if heavy > SHARE:
            cure = f"there few draws carry the weight and the bound is loose; {remedy(shapes.numpy(force=True))}"
            hopeless = float((shapes > GOOD).double().mean()) > MOST
            return ("failed" if hopeless else "doubtful"), f"{told}: {cure}"
        typical = told
    if poor <= SHARE:
        return "ok", typical
    return "doubtful", f"in {poor:.0%} of the rows fewer than {FEWEST:g} draws carry the weight, so the bound is loose"


def code_bound(model: Any, x: Tensor) -> list[Record]:
    r"""Lower bound on the mean log-likelihood by the code k(x) that the encoder names, and what it costs in bits.

    .. math:: \log p(x) = \log \sum_k p(k) \, p(x \mid k) \ge \log p(x, k(x)), \qquad
        \text{bits per dimension} \le \frac{-\log_2 p(x, k(x))}{D}

    Nothing is drawn. Bits are given where x is discrete or lies between 0 and 1, since elsewhere they depend on its
    scale.
    """
    rows = torch.cat([model.score(part).double() for part in x.split(ROWS_AT_ONCE)])
    bound = mean_interval(rows)
    method = "one term of the sum over codes, the encoder's own"
    found = Record(METRIC, bound.mean, method, unit="nats", interval=bound.sides, rows=len(x))
    kinds = {name.partition(":")[0] for name in names(model.support)}
    if not kinds <= {*DISCRETE, *DENSITIES}:
        return [found]
    cost = mean_interval(-rows / (math.log(2) * model.event_shape.numel()))
    density = "" if kinds <= {*DISCRETE} else "of a density between 0 and 1, which is no code length"
    record = Record(
        "bits per dimension, upper bound",
        cost.mean,
        method,
        unit="bits",
        interval=cost.sides,
        rows=len(x),
        reason=density,
    )
    return [found, record]


def exact(model: Any, x: Tensor) -> Record:
    r"""Mean log-likelihood with the normaliser summed over every state, :math:`-F(v) - \log Z`."""
    with torch.no_grad():
        found = mean_interval(model.log_prob(x))
    return Record("log-likelihood", found.mean, "exact, by enumeration", unit="nats", interval=found.sides, rows=len(x))


def pseudo_likelihood(model: Any, x: Tensor, why: str) -> Record:
    r"""Mean of :math:`\sum_i \log p(v_i \mid v_{-i})`, which needs no normaliser and is no likelihood."""
    with torch.no_grad():
        found = mean_interval(model.pseudo_likelihood(x))
    return Record(
        "pseudo-log-likelihood",
        found.mean,
        "each unit given all others",
        unit="pseudo-nats",
        interval=found.sides,
        rows=len(x),
        verdict="doubtful",
        reason=f"no likelihood: {why}",
    )
