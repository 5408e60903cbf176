"""The likelihood of a model that gives each row's in one number."""

from collections.abc import Sequence
from typing import Any

import torch

from genlatent.evaluation.likelihood import ROWS_AT_ONCE, mean_interval
from genlatent.numerics import devices
from genlatent.numerics.randomness import stream
from genlatent.reproduce.measured import Asked, Measure, Measured
from genlatent.reproduce.two_sided import measure_of
from genlatent.reproduce.units import nats_in, quantity


class Scored:
    r"""Mean of minus the model's own score, for models whose score is :math:`\log p(x)` or a lower bound on it.

    A VQ-VAE scores :math:`\log p(x, k(x)) \le \log p(x)`; a network that predicts each pixel, :math:`\log p(x)` itself.

    Args:
        unit: `nats` for each row, or `bits` for each of its values.
        bound: whether the score is a bound.
    """

    sign = -1

    def __init__(self, unit: str = "nats", bound: bool = True):
        self.unit, self.bound = unit, bound
        self.metric = f"{quantity(unit)}, upper bound" if bound else quantity(unit)

    def pieces(self, rows: int) -> int:
        """One look is enough."""
        return 1

    def piece(self, asked: Asked, number: int) -> dict[str, Any]:
        """All rows."""
        draws = stream(asked.seed, devices.of(asked.model), name="score")
        parts = [asked.model.score(rows, generator=draws).double() for rows in asked.x.split(ROWS_AT_ONCE)]
        mean, sides = mean_interval(-torch.cat(parts) / nats_in(self.unit, asked.x))
        method = "one term of the sum over codes" if self.bound else "exact"
        return Measured({self.metric: Measure(mean, sides)}, True, "", method).plain()

    def gathered(self, pieces: Sequence[dict[str, Any]]) -> Measured:
        """The one piece."""
        (only,) = pieces
        return Measured({self.metric: measure_of(only["measures"][self.metric])}, True, "", only["method"])
