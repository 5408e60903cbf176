"""The likelihood of held-out rows under a machine: exact where its states can be listed, annealed elsewhere."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from genlatent.energy.enumeration import listed
from genlatent.errors import Unsupported
from genlatent.evaluation.likelihood import METRIC, ROWS_AT_ONCE, mean_interval, pseudo_likelihood
from genlatent.evaluation.partition import PartitionResult, log_partition
from genlatent.evaluation.record import Record

RUNS, STEPS = 200, 1000
FEW_BITS = 10  # states of hidden layers, as a power of 2, that are listed for each row

MEANING = {
    "forward": "in the mean not below the likelihood",
    "reverse": "in the mean not above it where the start is a draw of the machine",
}


def machine_likelihood(
    model: Any,
    x: Tensor,
    train: Tensor | None = None,
    chains: Tensor | Mapping[str, Tensor] | None = None,
    *,
    runs: int = RUNS,
    steps: int = STEPS,
    generator: torch.Generator | None = None,
) -> list[Record]:
    r"""Mean of :math:`-F(v) - \ln Z` over rows.

    Args:
        model: any Boltzmann machine.
        x: rows to judge.
        train: rows that the model learned from, where reverse annealing starts.
        chains: its persistent chains, another start.
        runs: of annealing, forward and from each start.
        steps: of each run.
        generator: the random stream.
    """
    found = log_partition(model, train, chains, runs=runs, steps=steps, generator=generator)
    try:
        return under(model, x, found)
    except Unsupported as reason:
        return [*_stand_in(model, x, str(reason)), *found.records()[:1]]


def under(model: Any, x: Tensor, found: PartitionResult) -> list[Record]:
    """The likelihood by the quoted ln Z, by the forward side alone, and by the least favourable reverse side."""
    rows, tight = unnormalised(model, x)
    metric = "log-likelihood" if tight else METRIC
    records = [_less(metric, rows, found.value, found.interval, found.method)]
    if found.forward is not None:
        start, back = max(found.reverse.items(), key=lambda item: item[1].value)
        ends = {"forward": ("the base rates", found.forward), "reverse": (start, back)}
        for side, (origin, estimate) in ends.items():
            method = f"annealing from {origin}, {estimate.ess:.0f} effective of {found.runs} runs, {found.steps} steps"
            record = _less(f"{metric}, {side}", rows, estimate.value, estimate.interval, method)
            records.append(replace(record, reason=MEANING[side]))
    judged = {} if found.verdict == "ok" else {"verdict": found.verdict, "reason": found.reason}
    return [replace(record, samples=found.runs, **judged) for record in records]


@torch.no_grad()
def unnormalised(model: Any, x: Tensor) -> tuple[Tensor, bool]:
    """Log-probability of each row but for ln Z, and whether it is exact; otherwise the model's lower bound on it."""
    if _few(model):
        v = model.check(x)
        return torch.cat([model.log_sum({model.data: part}) for part in v.split(ROWS_AT_ONCE)]), True
    return torch.cat([model.score(part) for part in x.split(ROWS_AT_ONCE)]).double(), False


def _few(model: Any) -> bool:
    """Whether the hidden layers of one row can be summed out with little work."""
    try:
        layers = listed(model, (model.data,))
    except Unsupported:
        return False
    states = ((model.units[name], model.sizes[name]) for name in layers)
    return sum(size // unit.width * math.log2(len(unit.alternatives or ())) for unit, size in states) <= FEW_BITS


def _less(metric: str, rows: Tensor, log_z: float, interval: tuple[float, float], method: str) -> Record:
    """Mean of rows minus ln Z, with what other rows and other runs would have changed added in squares."""
    mean, sides = mean_interval(rows)
    half = 0.0 if sides is None else sides[1] - mean
    low, high = math.hypot(half, interval[1] - log_z), math.hypot(half, log_z - interval[0])
    value = mean - log_z
    return Record(metric, value, method, unit="nats", interval=(value - low, value + high), rows=len(rows))


def _stand_in(model: Any, x: Tensor, reason: str) -> list[Record]:
    try:
        return [pseudo_likelihood(model, x, reason)]
    except Unsupported:
        return []
