"""The importance-weighted bound where the guide is good enough, annealing in z where it is not."""

from typing import Any

import torch
from torch import Tensor

from genlatent.evaluation.annealed_latents import LEAPS, RUNS, STEPS, Side, annealed_bound
from genlatent.evaluation.importance import log_weights
from genlatent.evaluation.importance_weights import FEWEST as FEWEST_DRAWS
from genlatent.evaluation.importance_weights import GOOD
from genlatent.evaluation.likelihood import METRIC, SHARE, judged_rows, mean_interval
from genlatent.evaluation.record import Record

FEWEST = 2.0  # effective runs of a row below which one of them speaks for the rest


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
    r"""Lower bound on the mean log-likelihood; rows whose weights have :math:`\hat k > 0.7` are annealed instead.

    Which rows they are is decided by other draws than those that bound them, so that the bound stays one in the mean.
    Arguments are those of :func:`~genlatent.evaluation.likelihood.importance_bound` and :func:`annealed_bound`.
    """
    samples = max(samples, FEWEST_DRAWS)
    bounds, _, _, shapes = (
        torch.cat(parts)
        for parts in zip(*(judged_rows(w) for w in log_weights(model, x, samples, generator=generator, y=y)))
    )
    hard = shapes > GOOD
    said, verdict = f"k-hat above {GOOD} in none of the rows, so none was annealed", "ok"
    if bool(hard.any()):
        told = None if y is None else y[hard]
        how = {"runs": runs, "steps": steps, "leaps": leaps, "start": start}
        side = annealed_bound(model, x[hard], y=told, generator=generator, **how)
        gain = float((side.value - bounds[hard]).mean())
        said = f"{int(hard.sum())} of {len(x)} rows annealed, which moved them by {gain:+.2f} nats in the mean"
        bounds = bounds.index_put((hard,), side.value.to(bounds))
        verdict, said = _trusted(side, runs, len(x), said)
    found = mean_interval(bounds)
    method = f"importance weighting, {samples} draws a row; hard rows by {runs} annealed runs of {steps} steps"
    return Record(
        f"{METRIC}, refined", found.mean, method, "nats", found.sides, samples, len(x), verdict=verdict, reason=said
    )


def _trusted(side: Side, runs: int, rows: int, said: str) -> tuple[str, str]:
    """Whether the annealed runs of a row share the weight among them; the standard error tells how many do."""
    size = 1 / (side.error.square() + 1 / runs)
    poor = int((size < FEWEST).sum())
    if poor <= SHARE * rows:
        return "ok", said
    return "doubtful", f"{said}; in {poor} of them hardly a run carries the weight: take more steps"
