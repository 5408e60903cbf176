"""What is not finite in a training, and where it came from."""

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from genlatent.model import not_finite
from genlatent.training import checkpoint
from genlatent.training.step import Rows


def spoilt_training(trainer: Any) -> str | None:
    """The first number that is not finite of all that a checkpoint would hold, the cause before what it led to.

    A gradient spoils the memory of the optimiser, and that the weight: whichever comes first is named.
    """
    parameters: Mapping[str, Tensor] = trainer.parameters
    memory = {
        f"the optimizer's {part} of {name}": value
        for name, p in parameters.items()
        for part, value in trainer.torch_optimizer.state.get(p, {}).items()
        if isinstance(value, Tensor)
    }
    means = {f"the average of {name}": mean for name, mean in trainer.average.mean.items()}
    kept = {**memory, **checkpoint.weights(trainer.engine.together), **trainer.state, **means}
    if not_finite(kept.items()) is None:
        return None
    gradients = {f"the gradient of {name}": p.grad for name, p in parameters.items() if p.grad is not None}
    return not_finite({**gradients, **kept}.items())


def spoilt_state(state: Mapping[str, Tensor]) -> str | None:
    """The first tensor of an objective's state, a chain for one, that is not finite.

    A Gibbs step would draw finite ones from it as if nothing had been.
    """
    bad = [(n, t) for n, t in state.items() if t.is_floating_point() and not math.isfinite(t.sum().item())]
    return not_finite(bad)


def spoilt_row(batch: Rows, missing: bool) -> str | None:
    """The first row of a batch that holds what no data may hold: an infinity, or NaN that stands for no gap.

    >>> import torch
    >>> rows = torch.tensor([[0.0, 1.0], [torch.nan, 1.0]])
    >>> spoilt_row(Rows(rows, None, torch.tensor([1, 0])), missing=False)
    'row 1 of the training data holds nan in column 0'
    """
    x = batch.rows[batch.index].flatten(1)
    bad = (x.isinf() if missing else ~x.isfinite()).nonzero()
    if not len(bad):
        return None
    row, column = bad[0].tolist()
    return f"row {int(batch.index[row])} of the training data holds {float(x[row, column]):g} in column {column}"
