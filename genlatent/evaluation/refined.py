"""The importance-weighted bound where the guide is good enough, annealing in z where it is not."""

import math
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from jaxtyping import Float64, Int
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from genlatent.errors import Diverged, Unsupported
from genlatent.evaluation.annealed_bits import BitPath, annealed_bits, made_of_bits
from genlatent.evaluation.annealed_latents import LEAPS, RUNS, STEPS, Side, annealed_bound
from genlatent.evaluation.code_path import CodePath
from genlatent.evaluation.importance_weights import FEWEST as FEWEST_DRAWS
from genlatent.evaluation.likelihood import (
    METRIC,
    SHARE,
    Z_95,
    Judged,
    doubted,
    judged_by_weights,
    mean_interval,
    weighted_records,
)
from genlatent.evaluation.record import Record

FEWEST = 2.0  # effective runs of a row below which one of them speaks for the rest
FEWEST_ROWS = 20  # annealed rows that may speak for others
TELLING = 100  # draws below which more draws are asked for before anything is annealed
WORK = 1e13  # floating-point operations that annealing may take unasked: a minute or two on a CPU
ELSEWHERE = 50 * WORK  # and on an accelerator
WEIGHTED = "importance-weighted bound"


class Refined(NamedTuple):
    """Lower bounds of rows, and by how much one number that is guessed may shift their mean."""

    rows: Float64[Tensor, " row"]
    error: float  # standard error that rows leave which were not annealed
    verdict: str
    reason: str
    annealed: int


class Bounds(NamedTuple):
    """The records of a latent model's likelihood, and what is behind the quoted one row by row."""

    records: list[Record]
    rows: Float64[Tensor, " row"]
    error: float = 0.0


def latent_bounds(
    model: Any, x: Tensor, *, samples: int = 500, y: Tensor | None = None, generator: torch.Generator | None = None
) -> Bounds:
    r"""The lower bound to quote: importance weights, and annealing of the rows whose weights cannot be believed.

    What importance weights say alone, and why that is not enough, is then a record of its own. Nothing is annealed
    where the weights are good, where fewer than 100 draws were asked for, where codes are neither real numbers nor
    bits, or where it would take more work than :data:`WORK`; the verdict says so. Where the work is enough for some
    rows only, they are picked at random, and the others get their mean gain.

    Args:
        model: with `log_weights`.
        x: rows.
        samples: draws of each row.
        y: labels or conditions, under a conditional model.
        generator: the random stream.
    """
    rows = judged_by_weights(model, x, samples=samples, generator=generator, y=y)
    bound, elbo = weighted_records(rows, samples)
    if bound.verdict == "ok" or samples < TELLING:
        return Bounds([bound, elbo], rows.bound)
    try:
        picked, hard = _picked(model, x, y, doubted(rows, samples), generator)
        if len(picked) < min(FEWEST_ROWS, len(hard)):
            told = f"{bound.reason}, which would take too long unasked: genlatent evaluate --sides anneals some rows"
            return Bounds([replace(bound, reason=told), elbo], rows.bound)
        how: dict[str, Any] = {"runs": RUNS, "steps": STEPS, "leaps": LEAPS, "generator": generator}
        found = refined(model, x, rows, hard, picked, y=y, **how)
    except (Unsupported, Diverged) as error:
        return Bounds([replace(bound, reason=f"{bound.reason}; here not: {error}"), elbo], rows.bound)
    except (KeyError, NotImplementedError):  # of transforms that cannot be inverted
        told = f"{bound.reason}; here not: the guide cannot score other codes than it draws"
        return Bounds([replace(bound, reason=told), elbo], rows.bound)
    method = f"{bound.method}; {len(hard)} rows whose k-hat is too large by {RUNS} annealed runs of {STEPS} steps in z"
    quoted = _record(METRIC, found, method, samples)
    alone = replace(bound, metric=WEIGHTED, reason=f"{bound.reason}, as was done for the number that is quoted")
    return Bounds([quoted, elbo, alone], found.rows, found.error)


def refined_bound(
    model: Any,
    x: Tensor,
    *,
    samples: int = 500,
    runs: int = RUNS,
    steps: int = STEPS,
    leaps: int = LEAPS,
    start: str = "posterior",
    y: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Record:
    r"""The same with an effort of one's own, whatever it takes: every row with too large a :math:`\hat k` is annealed.

    Arguments are those of :func:`~genlatent.evaluation.likelihood.importance_bound` and :func:`annealed_bound`.
    """
    samples = max(samples, FEWEST_DRAWS)
    rows = judged_by_weights(model, x, samples=samples, generator=generator, y=y)
    hard = doubted(rows, samples).nonzero()[:, 0]
    effort: dict[str, Any] = {"runs": runs, "steps": steps, "leaps": leaps, "start": start}
    found = refined(model, x, rows, hard, hard, y=y, generator=generator, **effort)
    method = f"importance weighting, {samples} draws a row; hard rows by {runs} annealed runs of {steps} steps"
    return _record(f"{METRIC}, refined", found, method, samples)


def refined(
    model: Any,
    x: Tensor,
    rows: Judged,
    hard: Int[Tensor, " hard"],
    picked: Int[Tensor, " picked"],
    *,
    y: Tensor | None = None,
    runs: int = RUNS,
    steps: int = STEPS,
    leaps: int = LEAPS,
    start: str = "posterior",
    generator: torch.Generator | None = None,
) -> Refined:
    r"""Bounds of which the `hard` rows are annealed, as far as they are `picked`; the others get the mean gain.

    Annealing draws anew, so that where weights made a row look hard by chance its new bound does not know of it.
    """
    if not len(picked):
        return Refined(rows.bound, 0.0, "ok", "k-hat is too large in none of the rows, so none was annealed", 0)
    told = None if y is None else y[picked]
    how: dict[str, Any] = {"y": told, "runs": runs, "steps": steps, "generator": generator}
    if made_of_bits(model, x, y):
        side = annealed_bits(model, x[picked], flips=leaps, **how)
    else:
        side = annealed_bound(model, x[picked], leaps=leaps, start=start, **how)
    value = side.value.to(rows.bound)
    gain = value - rows.bound[picked]
    bounds, left = rows.bound.clone(), len(hard) - len(picked)
    bounds[hard] += gain.mean()
    bounds[picked] = value
    error = left / len(x) * float(gain.std()) / math.sqrt(len(picked)) if left else 0.0
    said = f"{len(picked)} of {len(x)} rows annealed, which moved them by {float(gain.mean()):+.2f} nats in the mean"
    said = f"{said}; {left} more were given the same" if left else said
    return Refined(bounds, error, *_trusted(side, runs, len(x), said), len(picked))


def _picked(
    model: Any, x: Tensor, y: Tensor | None, hard: Tensor, generator: torch.Generator | None
) -> tuple[Int[Tensor, " picked"], Int[Tensor, " hard"]]:
    """The rows to anneal, at random as many as the work allows, of all that are hard."""
    found = hard.nonzero()[:, 0]
    allowed = WORK if x.device.type == "cpu" else ELSEWHERE
    row = work(model, x, y) * RUNS * STEPS * LEAPS * 2  # each run has one before it that only tunes the moves
    many = int(allowed // row)
    if many >= len(found):
        return found, found
    order = torch.randperm(len(found), generator=generator, device=x.device)
    return found[order[:many]].sort().values, found


def work(model: Any, x: Tensor, y: Tensor | None = None) -> float:
    """Floating-point operations of products that one code of one row takes, with its slopes, counted while it is asked.

    >>> from genlatent import VAE
    >>> work(VAE(4, latent=2), torch.zeros(3, 4)) > 0
    True
    """
    told, generator = None if y is None else y[:1], torch.Generator(x.device).manual_seed(0)
    bits = made_of_bits(model, x, y)
    path: Any = (BitPath if bits else CodePath)(model, x[:1], 2, y=told, calls=1)
    with FlopCounterMode(display=False) as counter:
        (path.heights if bits else path.ends)(path.draw(generator))
    return max(counter.get_total_flops() / 2, 1.0)


def _record(metric: str, found: Refined, method: str, samples: int) -> Record:
    mean, sides = mean_interval(found.rows)
    if sides is not None:
        half = math.hypot(mean - sides[0], Z_95 * found.error)
        sides = (mean - half, mean + half)
    rows = len(found.rows)
    return Record(metric, mean, method, "nats", sides, samples, rows, verdict=found.verdict, reason=found.reason)


def _trusted(side: Side, runs: int, rows: int, said: str) -> tuple[str, str]:
    """Whether the annealed runs of a row share the weight among them; the standard error tells how many do."""
    size = 1 / (side.error.square() + 1 / runs)
    poor = int((size < FEWEST).sum())
    if poor <= SHARE * rows:
        return "ok", said
    return "doubtful", f"{said}; in {poor} of them hardly a run carries the weight: take more steps"
