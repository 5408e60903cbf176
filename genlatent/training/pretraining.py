"""Greedy pre-training of deep models: a stack of shallow ones, trained from the data upwards, then taken over."""

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from genlatent.data.dataset import Dataset
from genlatent.errors import Unsupported
from genlatent.numerics import devices
from genlatent.numerics.randomness import drawing_from, stream
from genlatent.training.fit import History
from genlatent.training.greedy import fit_greedily


@runtime_checkable
class Stacked(Protocol):
    """A deep model that can begin as a stack of shallow ones."""

    def stack(self) -> list[Any]:
        """Models from the data upwards, each of the codes of the one below."""
        ...

    def adopt(self, layers: Any) -> None:
        """Take over what they have learned."""
        ...


def pretrain(model: Any, data: Dataset, *, run: str | Path | None = None, **options: Any) -> list[History]:
    """Train the model's stack greedily and let the model adopt it; `fit` then goes on from there.

    Args:
        model: a deep model with `stack` and `adopt`.
        data: what the bottom layer learns.
        run: a folder in which each layer gets a run folder of its own.
        options: passed on to `fit_greedily`.

    References:
        A Fast Learning Algorithm for Deep Belief Nets (Hinton, Osindero and Teh, 2006)
    """
    device = devices.of(model)
    if not isinstance(model, Stacked):
        raise Unsupported(f"{type(model).__name__} is no stack of layers, so there is nothing to train greedily")
    with drawing_from(stream(options.get("seed", 0), name="stack")):
        layers = [layer.to(device) for layer in model.stack()]
    histories = fit_greedily(layers, data, run=run, **options)
    if cut_short(histories[-1]) is None:
        model.adopt(layers)
    return histories


def cut_short(history: History) -> str | None:
    """Why a training ended before its time, unless it had nothing more to gain."""
    return None if "improved" in (history.stopped or "improved") else history.stopped
