"""The likelihood of a Boltzmann machine, with ln Z from both sides."""

import math
from collections.abc import Sequence
from typing import Any

from genlatent.errors import RecipeError
from genlatent.evaluation import annealed
from genlatent.evaluation.likelihood import mean_interval
from genlatent.evaluation.partition import PartitionResult, log_partition
from genlatent.numerics import devices
from genlatent.numerics.randomness import stream
from genlatent.reproduce.measured import Asked, Interval, Measure, Measured

QUOTED, FORWARD = "quoted", "forward side"


class TwoSided:
    r"""Mean of :math:`-F(v) - \ln Z`, or of a deep machine's lower bound, by Bennett's ratio, and by each side alone.

    It is believed where the verdict on ln Z is `ok` and every side lies within `agree` of the quoted number.

    Args:
        runs: of annealing, forward and from each start.
        steps: of each run.
        settle: Gibbs steps before the reverse runs start; as many as `steps` unless given.
        agree: nats.
    """

    metric, unit, sign = "log-likelihood", "nats", 1

    def __init__(self, runs: int = 1000, steps: int = 3000, settle: int | None = None, agree: float = 0.3):
        if not agree > 0:
            raise RecipeError(f"agree must be above 0, got {agree}")
        self.runs, self.steps, self.settle, self.agree = runs, steps, settle, agree

    def pieces(self, rows: int) -> int:
        """All rows share one ln Z."""
        return 1

    def piece(self, asked: Asked, number: int) -> dict[str, Any]:
        """Everything at once."""
        generator = stream(asked.seed, devices.of(asked.model), name="two sides")
        effort: dict[str, Any] = {"runs": self.runs, "steps": self.steps, "settle": self.settle}
        with_ends: dict[str, Any] = {"generator": generator, "progress": asked.progress}
        found = log_partition(asked.model, asked.learned, asked.chains, **effort, **with_ends)
        rows, _ = annealed.unnormalised(asked.model, asked.x, generator)
        return self.found(found, *mean_interval(rows)).plain() | {
            "log_z": found.value,
            "log_z_interval": found.interval,
        }

    def found(self, log_z: PartitionResult, mean: float, sides: Interval | None) -> Measured:
        """The likelihood of rows whose mean but for ln Z is given, by each estimate of that."""
        half = 0.0 if sides is None else sides[1] - mean
        estimates = {QUOTED: (log_z.value, log_z.interval)}
        estimates |= {} if log_z.forward is None else {FORWARD: (log_z.forward.value, log_z.forward.interval)}
        estimates |= {f"reverse from {name}": (side.value, side.interval) for name, side in log_z.reverse.items()}
        measures = {name: _less(mean, half, *estimate) for name, estimate in estimates.items()}
        gap = max(abs(m.value - measures[QUOTED].value) for m in measures.values())
        told = f"every side within {gap:.2f} nats of the quoted number" if len(measures) > 1 else log_z.method
        reason = f"{told}; {log_z.reason}" if log_z.reason else told
        return Measured(measures, log_z.verdict == "ok" and gap <= self.agree, reason, log_z.method)

    def gathered(self, pieces: Sequence[dict[str, Any]]) -> Measured:
        """The one piece."""
        (only,) = pieces
        measures = {name: measure_of(values) for name, values in only["measures"].items()}
        return Measured(measures, only["sound"], only["reason"], only["method"])


def measure_of(values: dict[str, Any]) -> Measure:
    """A measure from plain values."""
    sides = values["interval"]
    return Measure(values["value"], None if sides is None else (sides[0], sides[1]))


def _less(mean: float, half: float, log_z: float, interval: Interval) -> Measure:
    """Mean minus ln Z, with what other rows and other runs would have changed added in squares."""
    value = mean - log_z
    low, high = math.hypot(half, interval[1] - log_z), math.hypot(half, log_z - interval[0])
    return Measure(value, (value - low, value + high))
