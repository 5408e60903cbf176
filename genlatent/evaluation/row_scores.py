"""One number for each test row, so that two models are compared row by row."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float64
from torch import Tensor

from genlatent.evaluation.annealed import unnormalised
from genlatent.evaluation.likelihood import METRIC, Z_95, mean_interval
from genlatent.evaluation.reconstruction import squared_errors
from genlatent.evaluation.record import Record
from genlatent.evaluation.refined import Bounds, latent_bounds
from genlatent.numerics import devices
from genlatent.numerics.randomness import stream

LIKELIHOOD = "log-likelihood"
RECONSTRUCTION = "reconstruction error"


class RowScores(NamedTuple):
    """A number for each row, and how far below and above one unknown number, ln Z for one, may shift all of them."""

    values: Float64[Tensor, " row"]
    below: float = 0.0
    above: float = 0.0

    @classmethod
    def of(cls, found: Bounds) -> "RowScores":
        """The rows behind the bounds of a latent model."""
        half = Z_95 * found.error
        return cls(found.rows, half, half)

    def plain(self) -> dict[str, Any]:
        """Plain values, for JSON; :meth:`from_plain` is the way back."""
        return {"values": self.values.tolist(), "below": self.below, "above": self.above}

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> "RowScores":
        """The numbers that plain values spell.

        >>> rows = RowScores(torch.tensor([0.1, 0.2]).double(), 0.3)
        >>> RowScores.from_plain(rows.plain()).values.equal(rows.values)
        True
        """
        return cls(torch.tensor(values["values"], dtype=torch.float64), values["below"], values["above"])


class Gap(NamedTuple):
    """A mean difference and where it lies with 95 % confidence."""

    mean: float
    sides: tuple[float, float]


def log_likelihoods(
    model: Any, x: Tensor, records: Sequence[Record], *, samples: int = 500, seed: int = 0, y: Tensor | None = None
) -> RowScores | None:
    """Log-likelihood of each row in nats, or the model's lower bound on it; None where it has neither.

    Args:
        model: of any family.
        x: the rows that `records` are about.
        records: the model's judgements; a machine's ln Z is read off them, so that nothing is annealed again.
        samples, seed: of importance weights; the same draws as in :func:`.evaluate`.
        y: labels or conditions, under a conditional model.
    """
    quoted = next((one for one in records if one.metric in (LIKELIHOOD, METRIC)), None)
    if quoted is None:
        return None
    if hasattr(model, "log_weights"):
        generator = stream(seed, devices.of(model), name="importance")
        return RowScores.of(latent_bounds(model, x, samples=samples, generator=generator, y=y))
    if hasattr(model, "log_partition_exact") and not model.conditional:
        return normalised(unnormalised(model, x)[0].double(), quoted)
    if hasattr(model, "score") and not model.conditional:
        generator = stream(seed, devices.of(model), name="rows")
        return normalised(model.score(x, generator=generator).double(), quoted)
    return None


def normalised(rows: Tensor, quoted: Record) -> RowScores:
    r"""Rows known but for a constant, shifted so that their mean is the quoted one.

    What the quoted interval holds beyond the scatter of rows is the constant's own, and moves all rows together.
    """
    mean, sides = mean_interval(rows)
    half = 0.0 if sides is None else sides[1] - mean
    low, high = quoted.interval or (quoted.value, quoted.value)
    rest = (math.sqrt(max(side**2 - half**2, 0.0)) for side in (quoted.value - low, high - quoted.value))
    below, above = (side if side > 1e-3 * half else 0.0 for side in rest)
    return RowScores(rows - mean + quoted.value, below, above)


def reconstruction_errors(model: Any, x: Tensor, y: Tensor | None = None) -> RowScores:
    """Squared error of each row."""
    return RowScores(squared_errors(model, x, y).double())


def paired_gap(first: RowScores, second: RowScores) -> Gap:
    r"""Mean over rows of the first less the second, :math:`\bar d \pm 1.96\, s_d / \sqrt{n}`.

    What is hard for both falls out of the difference. Errors of ln Z do not; they are added in squares.

    >>> one, other = torch.tensor([1.0, 5.0, 9.0]), torch.tensor([0.0, 4.0, 8.0])
    >>> paired_gap(RowScores(one.double()), RowScores(other.double()))
    Gap(mean=1.0, sides=(1.0, 1.0))
    """
    difference = first.values - second.values.to(first.values.device)
    mean, count = float(difference.mean()), len(difference)
    half = Z_95 * float(difference.std()) / math.sqrt(count) if count > 1 else math.inf
    low = math.hypot(half, first.below, second.above)
    high = math.hypot(half, first.above, second.below)
    return Gap(mean, (mean - low, mean + high))
