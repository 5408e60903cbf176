"""The negative log-likelihood of a latent model, bounded by importance weights."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float64
from torch import Tensor

from genlatent.errors import RecipeError
from genlatent.evaluation.importance import log_weights
from genlatent.evaluation.likelihood import judged_rows, mean_interval, trusted
from genlatent.numerics import devices
from genlatent.numerics.logspace import log_mean_exp
from genlatent.numerics.randomness import stream
from genlatent.reproduce.measured import Asked, Measure, Measured
from genlatent.reproduce.units import nats_in, quantity


class Weighted:
    r"""Upper bound on the mean of :math:`-\log p(x)`, :math:`-\log \frac{1}{K} \sum_k w_k`, for one K or several.

    All of them come from the same draws: the bound of fewer draws is the mean over groups of them. As published ones
    it is a bound whatever its weights are like; the shape of their tail says how loose it may be.

    Args:
        samples: the largest K.
        also: smaller ones that divide it.
        rows: judged in one piece.
        unit: `nats` for each row, or `bits` for each of its values.
    """

    sign = -1

    def __init__(self, samples: int = 5000, also: Sequence[int] = (200,), rows: int = 1000, unit: str = "nats"):
        if min(samples, rows, *also) < 1 or any(samples % k for k in also):
            raise RecipeError(
                f"samples and rows are at least 1 and `also` divides samples, got {samples}, {rows}, {also}"
            )
        self.samples, self.also, self.rows, self.unit = samples, tuple(also), rows, unit
        self.metric = f"{quantity(unit)}, upper bound"

    def pieces(self, rows: int) -> int:
        """So many rows at a time.

        >>> Weighted(rows=1000).pieces(2001)
        3
        """
        return -(-rows // self.rows)

    def piece(self, asked: Asked, number: int) -> dict[str, Any]:
        """The bounds of the rows of one piece, and what their weights are like."""
        here = slice(number * self.rows, (number + 1) * self.rows)
        y = asked.y[here] if asked.y is not None and asked.model.conditional else None
        draws = stream(asked.seed, devices.of(asked.model), name=f"weights/{number}")
        weights = log_weights(asked.model, asked.x[here], self.samples, generator=draws, y=y)
        found = [self._of(w, nats_in(self.unit, asked.x)) for w in weights]
        return {name: torch.cat([part[name] for part in found]).tolist() for name in found[0]}

    def _of(self, log_w: Float64[Tensor, "draw row"], scale: float) -> dict[str, Tensor]:
        rows = judged_rows(log_w)
        bounds = {str(self.samples): rows.bound} | {str(k): grouped_bound(log_w, k) for k in self.also}
        bounds = {name: values / scale for name, values in (bounds | {"elbo": rows.elbo}).items()}
        return bounds | {"size": rows.size, "shape": rows.shape}

    def gathered(self, pieces: Sequence[dict[str, Any]]) -> Measured:
        """Means over all rows."""
        rows = {name: _together([piece[name] for piece in pieces]) for name in pieces[0]}
        size, shape = rows.pop("size"), rows.pop("shape")
        names = {"elbo": "evidence lower bound, negative"} | {str(k): draws(k) for k in (self.samples, *self.also)}
        measures = {names[name]: _turned(values) for name, values in rows.items()}
        verdict, reason = trusted(size, shape, self.samples)
        reason = reason if verdict == "ok" else f"a bound that may be loose: {reason}"
        return Measured(measures, True, reason, f"importance weighting, {self.samples} draws a row")


def draws(k: int) -> str:
    """What the bound of k draws is called."""
    return f"{k} draws"


def grouped_bound(log_w: Float64[Tensor, "draw row"], k: int) -> Float64[Tensor, " row"]:
    """Bound of each row by k draws, averaged over all groups of k.

    >>> grouped_bound(torch.tensor([[0.0], [0.0], [1.0], [1.0]]).double(), 2)
    tensor([0.5000], dtype=torch.float64)
    """
    return log_mean_exp(log_w.unflatten(0, (-1, k)), 1).mean(0)


def _together(parts: Sequence[Sequence[float]]) -> Tensor:
    return torch.cat([torch.tensor(part, dtype=torch.double) for part in parts])


def _turned(bounds: Tensor) -> Measure:
    mean, sides = mean_interval(-bounds)
    return Measure(mean, sides)
