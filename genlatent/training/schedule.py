"""Learning rates as functions of progress: the fraction of all training steps that are done."""

import math
from collections.abc import Callable

SHAPES: dict[str, Callable[[float], float]] = {
    "constant": lambda t: 1.0,
    "linear": lambda t: 1.0 - t,
    "cosine": lambda t: 0.5 * (1.0 + math.cos(math.pi * t)),
    "exponential": lambda t: 1e-3**t,
}


def factor(shape: str, progress: float, *, warmup: float = 0.0, hold: float = 0.0, final: float = 0.0) -> float:
    """What the learning rate is multiplied with.

    It rises from 0 over the first `warmup`, stays at 1 for `hold`, and goes by `shape` to `final` over the rest.

    >>> factor("linear", 0.75, hold=0.5), factor("linear", 0.05, warmup=0.1), factor("cosine", 1.0)
    (0.5, 0.5, 0.0)
    """
    if progress < warmup:
        return progress / warmup
    start = warmup + hold
    t = 0.0 if progress <= start else min((progress - start) / (1.0 - start), 1.0)
    return final + (1.0 - final) * SHAPES[shape](t)
