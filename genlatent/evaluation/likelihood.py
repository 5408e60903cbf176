"""How probable a model finds held-out rows, in nats, as far as its family can say."""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlatent.errors import Unsupported
from genlatent.evaluation.record import Record
from genlatent.numerics.logspace import effective_sample_size, log_mean_exp

ROWS_AT_ONCE = 256
FEWEST = 5.0  # effective importance samples below which one draw speaks for nearly all
SHARE = 0.05  # of rows that may have fewer
Z_95 = 1.959964


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
    conditional model everything is given `y`.

    References:
        Importance weighted autoencoders (Burda, Grosse and Salakhutdinov, 2016)
    """
    bounds, elbos, sizes = [], [], []
    for at, rows in enumerate(x.split(ROWS_AT_ONCE)):
        told = {} if y is None else {"y": y.split(ROWS_AT_ONCE)[at]}
        log_weights = model.log_weights(rows, samples, generator, **told)
        bounds.append(log_mean_exp(log_weights))
        elbos.append(log_weights.double().mean(0))
        sizes.append(effective_sample_size(log_weights))
    bound, elbo = mean_interval(torch.cat(bounds)), mean_interval(torch.cat(elbos))
    method = f"importance weighting, {samples} draws a row"
    verdict, reason = _trusted(torch.cat(sizes))
    common = {"unit": "nats", "samples": samples, "rows": len(x)}
    return [
        Record(
            "log-likelihood, lower bound",
            bound.mean,
            method,
            interval=bound.sides,
            verdict=verdict,
            reason=reason,
            **common,
        ),
        Record("evidence lower bound", elbo.mean, f"mean of {samples} draws a row", interval=elbo.sides, **common),
    ]


def _trusted(sizes: Tensor) -> tuple[str, str]:
    """Verdict on importance weights by their effective sample sizes, one for each row."""
    poor = float((sizes < FEWEST).double().mean())
    typical = f"median effective sample size {float(sizes.median()):.0f}"
    if poor <= SHARE:
        return "ok", typical
    return "doubtful", f"in {poor:.0%} of the rows fewer than {FEWEST:g} draws carry the weight, so the bound is loose"


def machine_likelihood(model: Any, x: Tensor) -> Record:
    """The exact likelihood where the model can list enough states, else what stands in for it, and says so."""
    try:
        return exact(model, x)
    except Unsupported as reason:
        return pseudo_likelihood(model, x, str(reason))


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
