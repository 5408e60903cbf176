"""Where a training stood, as a checkpoint tells it: looked at before anything is done with it."""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from torch import Tensor


def check_position(found: Mapping[str, Any], draws: Tensor, order: Tensor) -> None:
    """Refuse counts, sums and random states that no training can have written.

    Args:
        found: what `trainer.json` and its tensors say.
        draws: random state of the generator of the draws, which lives where the model does.
        order: that of the one that shuffles, which may live elsewhere.

    >>> check_position({"step": "9"}, Tensor(), Tensor())
    Traceback (most recent call last):
    ...
    ValueError: step is '9'
    """
    for name, sound in COUNTED.items():
        _check(name, found[name], sound)
    epoch, best = found["order"], found["best"]
    _check("the place in the epoch", epoch["taken"], _count)
    for name, state, like in (("the draws", found["draws"], draws), ("the order of rows", epoch["start"], order)):
        if not isinstance(state, Tensor) or state.shape != like.shape or state.dtype != like.dtype:
            raise ValueError(f"the random state of {name} is damaged")
    _check("the number of averaged steps", found["average"]["count"], _count)
    _check("the best step", best["step"], lambda value: value is None or _count(value))
    _check("the best value", best["value"], lambda value: isinstance(value, float))  # infinite before the first
    _check("the number of judgements since", best["stale"], _count)


def _check(name: str, value: Any, sound: Callable[[Any], bool]) -> None:
    if not sound(value):
        raise ValueError(f"{name} is {value!r}")


def _count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _seconds(value: Any) -> bool:
    return isinstance(value, (int, float)) and isfinite(value) and value >= 0


def _sums(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(part, (int, float)) for part in value.values())


COUNTED: dict[str, Callable[[Any], bool]] = {
    "step": _count,
    "epoch": _count,
    "summed": _count,
    "seconds": _seconds,
    "sums": _sums,
}
