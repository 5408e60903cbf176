"""One update as a training makes it: gather, loss and gradients, optimiser, chains, buffers, metrics that wait."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from genlatent.data.sources import load_data
from genlatent.model import Model
from genlatent.objectives.base import Objective
from genlatent.training.optimizer import Optimizer
from genlatent.training.step import Rows
from genlatent.training.trainer import Settings, Trainer

FOREVER = 10**9  # steps: the schedule of a training that does not end while it is timed

Call = Callable[[], object]


def updates(
    model: Model,
    x: Tensor,
    index: Tensor,
    *,
    y: Tensor | None = None,
    objective: Objective | None = None,
    optimizer: Optimizer | None = None,
    mode: str = "traced",
    route: str = "auto",
) -> tuple[Call, Trainer]:
    """What one update of a model does, again and again on the same rows; the first is done, so that it is compiled."""
    x = x.reshape(-1, *model.event_shape)
    few = slice(0, 10)
    labels: dict[str, Any] = {} if y is None else {"labels": y}
    held_out = x[few] if y is None else (x[few], y[few])
    data = load_data(x, valid=held_out, test=held_out, support=model.support, **labels)
    settings = Settings(FOREVER, FOREVER, len(index), seed=0, average=0.0, clip=None, validate_every=1, keep="last")
    objective = objective if objective is not None else model.objective()
    assert objective is not None
    assert isinstance(data.train, Tensor)
    trainer = Trainer(model, data, objective, optimizer or Optimizer(), settings, mode=mode, matmul=route)
    trainer.start()
    trainer.engine.together.train()
    rows = Rows(data.train, None if data.labels is None else data.labels.train, index)

    def call() -> None:
        trainer.take(rows)

    call()
    return call, trainer


def bits(rows: int, pixels: int, share: float = 0.13) -> Tensor:
    """Rows of random bits, as many of them on as in pictures of digits."""
    return (torch.rand(rows, pixels) < share).float()
