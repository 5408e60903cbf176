"""Where a training stood, as a checkpoint tells it: looked at before anything is done with it."""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from torch import Tensor


def check_position(found: Mapping[str, Any], random_state: Tensor) -> None:
    """Refuse counts, sums and random states that no training can have written.

    Args:
        found: what `trainer.json` and its tensors say.
        random_state: of a generator like the one that will go on.

    >>> check_position({"step": "9"}, Tensor())
    Traceback (most recent call last):
    ...
    ValueError: step is '9'
    """
    for name, sound in COUNTED.items():
        _check(name, found[name], sound)
    order, best = found["order"], found["best"]
    _check("the place in the epoch", order["taken"], _count)
    for name, state in (("the draws", found["draws"]), ("the order of rows", order["start"])):
        if not isinstance(state, Tensor) or state.shape != random_state.shape or state.dtype != random_state.dtype:
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
