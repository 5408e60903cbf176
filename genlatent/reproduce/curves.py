"""How a training went, in a few points."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

POINTS = 30
DIGITS = 6


def curve(rows: Sequence[Mapping[str, Any]], points: int = POINTS) -> dict[str, list[float]]:
    """Steps and the held-out loss where it was taken, elsewhere the loss of training; evenly thinned, the last kept.

    >>> curve([{"step": n, "loss": 9.0, "valid/loss": 10.0 - n} for n in range(5)], points=2)
    {'step': [1, 4], 'valid/loss': [9.0, 6.0]}
    """
    name = "valid/loss" if sum("valid/loss" in row for row in rows) > 1 else "loss"
    found = [(row["step"], row[name]) for row in rows if name in row]
    kept = found[::-1][:: max(1, math.ceil(len(found) / points))][::-1]
    return {"step": [step for step, _ in kept], name: [_short(value) for _, value in kept]}


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
