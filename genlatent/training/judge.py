"""Held-out metrics, and which parameters did best on them."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from genlatent.numerics.matmul import fast_matmul
from genlatent.numerics.randomness import drawing_from, stream
from genlatent.objectives.base import Batch, Objective
from genlatent.training import distributed
from genlatent.training.graph import quiet_pyro

ROWS = 1000  # judged at a time, and the most that a summary is made of


@torch.no_grad()
def judged(
    model: nn.Module,
    objective: Objective,
    rows: Tensor,
    labels: Tensor | None,
    *,
    seed: int = 0,
    route: str = "float32",
) -> dict[str, float]:
    """Means of the objective's held-out quantities over rows, and its summary of them; no weight moves.

    The draws are the same every time. A summary is made of evenly spaced rows, the same in every process.
    """
    was_training = model.training
    model.eval()
    sums: dict[str, Tensor] = {}
    index = distributed.shard(torch.arange(len(rows), device=rows.device))
    draws = stream(seed, rows.device, name=f"judge/{distributed.rank()}")
    try:
        with quiet_pyro(), drawing_from(draws), fast_matmul(route):
            for part in index.split(ROWS):
                batch = Batch(rows[part], None if labels is None else labels[part], 1.0)
                for name, values in objective.validate(model, batch).items():
                    sums[name] = sums.get(name, 0.0) + values.double().sum()
        with quiet_pyro(), drawing_from(stream(seed, rows.device, name="summary")), fast_matmul(route):
            some = torch.linspace(0, len(rows) - 1, min(ROWS, len(rows)), device=rows.device).long()
            summary = objective.summarise(model, Batch(rows[some], None if labels is None else labels[some], 1.0))
    finally:
        model.train(was_training)
    distributed.sum_(list(sums.values()))
    means = {name: float(total) / len(rows) for name, total in sums.items()}
    return means | {name: float(value) for name, value in summary.items()}


class Best:
    """The best judgement so far, and the weights it was made on."""

    def __init__(self, watch: str):
        self.watch = watch
        self.value = math.inf
        self.step: int | None = None
        self.stale = 0  # judgements since
        self.weights: dict[str, Tensor] = {}

    def see(self, row: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
        """Take in one judgement."""
        if row[self.watch] < self.value:
            self.value, self.step, self.stale = row[self.watch], row["step"], 0
            self.weights = {name: tensor.detach().clone() for name, tensor in weights.items()}
        else:
            self.stale += 1

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs beside the weights, which lie in a checkpoint of their own."""
        return {"value": self.value, "step": self.step, "stale": self.stale}

    def restore(self, state: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
        """Continue from a checkpoint."""
        self.value, self.step, self.stale = state["value"], state["step"], state["stale"]
        self.weights = dict(weights)
