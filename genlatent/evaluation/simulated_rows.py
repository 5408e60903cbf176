"""Latent-variable models seen from two sides: rows that the model made itself come with a draw of p(z | x)."""

import math
from typing import Any, NamedTuple

import torch
from pyro import poutine
from torch import Tensor

from genlatent.evaluation.annealed_latents import (
    LEAPS,
    RUNS,
    STEPS,
    Side,
    backwards,
    check_effort,
    forwards,
    settled,
    tuned,
)
from genlatent.evaluation.code_path import CodePath
from genlatent.evaluation.likelihood import Z_95
from genlatent.evaluation.record import Record
from genlatent.sampling import schedule

ROWS = 100
SETTLE = 10  # moves that part the runs of a row before they go back
NARROW, WIDE = 1.0, 10.0  # nats between the sides: up to the one all is well, beyond the other nothing is known
CROSSED = 4.0  # standard errors by which the lower side may lie above the upper one


class BothSides(NamedTuple):
    """The same rows from below and from above."""

    x: Tensor
    lower: Side
    upper: Side


def simulated_sides(
    model: Any,
    *,
    rows: int = ROWS,
    runs: int = RUNS,
    steps: int = STEPS,
    leaps: int = LEAPS,
    start: str = "posterior",
    settle: int = SETTLE,
    y: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> BothSides:
    """Rows drawn from the model, annealed from the guess to the truth, and back from the codes that made them.

    Args:
        model: a latent model whose codes are real.
        rows: how many are drawn; as many as `y` has, under a conditional model.
        runs, steps, leaps, start: as in :func:`annealed_bound`.
        settle: moves at the truth that part the runs of a row before they go back.
        y: labels or conditions to draw rows under.
        generator: the random stream; torch's default one otherwise.

    References:
        Sandwiching the marginal likelihood using bidirectional Monte Carlo (Grosse, Ghahramani and Adams, 2015)
        On the quantitative analysis of decoder-based generative models (Wu, Burda, Salakhutdinov and Grosse, 2017)
    """
    check_effort(runs, steps, leaps)
    with model.asked(generator):
        made: Any = poutine.trace(model.model).get_trace(None, y, n=rows if y is None else len(y))
    x = made.nodes["x"]["value"]
    path = CodePath(model, x, runs, y=y, start=start, calls=3 * steps * leaps)
    lams = schedule.uniform(steps).tolist()
    tuning = tuned(path, lams, leaps, generator)
    lower = forwards(path, lams, leaps, tuning, generator)
    z = path.packed({name: made.nodes[name]["value"] for name in path.sites})
    z = settled(path, z, settle, leaps, tuning, generator)
    return BothSides(x, lower, backwards(path, z, lams, leaps, tuning, generator))


def two_sided_records(model: Any, *, generator: torch.Generator | None = None, **effort: Any) -> list[Record]:
    """Mean log-likelihood of rows that the model makes, its two sides, and whether they meet.

    What the sides leave open here, a lower bound on real rows of the same kind leaves open about as well. `effort` is
    that of :func:`simulated_sides`.
    """
    _, lower, upper = simulated_sides(model, generator=generator, **effort)
    runs, steps = effort.get("runs", RUNS), effort.get("steps", STEPS)
    return records(lower, upper, f"annealing in z, {runs} runs of {steps} steps each way", runs)


def records(lower: Side, upper: Side, method: str, runs: int = 0) -> list[Record]:
    """The number between the sides, and the sides; intervals are about these rows, not about others."""
    (below, below_error), (above, above_error) = mean_side(lower), mean_side(upper)
    gap, error = above - below, math.hypot(below_error, above_error)
    verdict, reason = met(gap, error)
    common = {"method": method, "unit": "nats", "samples": runs, "rows": len(lower.value)}
    name = "log-likelihood, simulated rows"
    sides = (below - Z_95 * below_error, above + Z_95 * above_error)
    quoted = Record(name, (below + above) / 2, interval=sides, verdict=verdict, reason=reason, **common)
    return [
        quoted,
        Record(f"{name}, lower side", below, reason=f"{float(lower.acceptance.mean()):.0%} of moves taken", **common),
        Record(f"{name}, upper side", above, reason=f"{float(upper.acceptance.mean()):.0%} of moves taken", **common),
    ]


def mean_side(side: Side) -> tuple[float, float]:
    """Mean over rows, and the standard error that the runs leave in it."""
    return float(side.value.mean()), float(side.error.square().sum().sqrt()) / len(side.value)


def met(gap: float, error: float) -> tuple[str, str]:
    """Verdict on the distance from the lower side to the upper one.

    >>> met(0.2, 0.1), met(-3.0, 0.1)[0]
    (('ok', 'the sides are 0.20 nats apart'), 'failed')
    """
    apart = f"the sides are {gap:.2f} nats apart"
    if gap < -CROSSED * error - 1e-6:
        return "failed", f"the lower side lies {-gap:.2f} nats above the upper one: too few runs to trust either"
    if gap <= NARROW:
        return "ok", apart
    return ("doubtful" if gap <= WIDE else "failed"), f"{apart}: take more steps"
