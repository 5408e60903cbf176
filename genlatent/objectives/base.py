"""What an objective takes and returns: the contract between the families and the step engine."""

from typing import Any, NamedTuple

from torch import Tensor

from genlatent.components import Component


class Labelled(NamedTuple):
    """A fixed part of each batch: its first `count` rows are labelled, the others are not.

    Each of them stands for `weight` rows, compared with the others: drawn more often, they count less.
    """

    count: int
    weight: float


class Batch(NamedTuple):
    """Rows on the device, as one step sees them."""

    x: Tensor  # (batch, *event)
    y: Tensor | None = None  # labels or conditions, row for row
    progress: Tensor | float = 1.0  # fraction of all training steps done; a tensor inside the step engine
    num_rows: int | None = None  # rows of the whole training part that these were drawn from, where that is known
    labelled: Labelled | None = None  # where every batch has the same number of labelled rows, and they come first


class Loss(NamedTuple):
    """A scalar whose gradient is the learning signal, and what came with it."""

    value: Tensor
    metrics: dict[str, Tensor] = {}  # scalars for people
    state: dict[str, Tensor] = {}  # the trainer's: chains, replay buffers
    buffers: dict[str, Tensor] = {}  # the model's, by the names of `model.named_buffers()`


class Objective(Component):
    """Pure in parameters, state, batch and random stream: everything that changes between steps is a tensor input.

    An objective with parameters of its own (a discriminator, a multiplier) is an `nn.Module` as well.
    """

    needs: tuple[str, ...] = ()  # what a model must have to be trained by it
    monitor = "loss"  # the held-out metric that early stopping and `best` watch, lower is better

    def rows(self, model: Any, batch_size: int) -> int:
        """How many rows a step takes through the model, there and back: what its work is estimated from."""
        return batch_size

    def init(self, model: Any, x: Tensor, share: float = 1.0) -> dict[str, Tensor]:
        """The state before the first step; `x` are training rows, `share` this process's part of the chains."""
        return {}

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The loss of one batch."""
        raise NotImplementedError

    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """Held-out quantities, one value for each row; among them the one that :attr:`monitor` names."""
        raise NotImplementedError

    def summarise(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """Held-out quantities that no row has by itself, as scalars; asked once for each judgement."""
        return {}
