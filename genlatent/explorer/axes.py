r"""Directions in which codes are moved by hand.

.. math:: z = o + (a - P(o)) A, \qquad P(z) = (z - m) A^+

with :math:`a` the places along the axes, :math:`o` an origin, the rows of :math:`A` the axes and :math:`m` their common
zero. Few coordinates are axes themselves, :math:`A = I, m = 0`; of many the principal directions of the codes are, in
standard deviations from their mean.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.errors import DataError
from genlatent.objectives.collapse import ACTIVE

MOST = 16  # axes
BREADTH = 3.0  # standard deviations to each side
SPARE = 0.1  # of the range of the codes, beyond each end


class Axes:
    """The axes of codes of one shape.

    Args:
        codes: those of examples.
        least: how far coordinates reach to both sides at the least, where they reach to both; collapsed ones would
            otherwise have no length at all.
        collapsible: whether these are posterior means over rows, of which a coordinate that hardly varies is not used.

    >>> axes = Axes(torch.tensor([[0.0, 1.0], [2.0, 3.0]]))
    >>> axes.code([0.5, 0.25])
    tensor([[0.5000, 0.2500]])
    """

    def __init__(self, codes: Tensor, least: float = 0.0, *, collapsible: bool = False):
        self.least, self.collapsible = least, collapsible
        self.shape = codes.shape[1:]
        self.whole = not codes.is_floating_point()
        rows = codes.detach().cpu().reshape(len(codes), -1).float()
        self.size = rows.shape[1]
        self.low, self.high = rows.amin(0), rows.amax(0)
        self.principal = self.size > MOST and not self.whole
        self.zero, self.axes = _principal(rows) if self.principal else (torch.zeros(self.size), _units(self.size))
        self.back = torch.linalg.pinv(self.axes)
        self.places = (rows - self.zero) @ self.back
        self.bounded = bool((self.low >= 0).all() and (self.high <= 1).all()) and self.principal

    def plain(self) -> dict[str, Any]:
        """Name and range of each axis, which of them move most, and where to start."""
        low, high = self._ends()
        names = [f"direction {i + 1}" if self.principal else f"z{i + 1}" for i in range(len(self.axes))]
        ends = zip(names, low.tolist(), high.tolist(), self.used.tolist())
        axes = [{"name": name, "low": a, "high": b, "used": used} for name, a, b, used in ends]
        moved = self.places.var(0).nan_to_num()
        order = list(range(len(self.axes))) if self.principal else moved.argsort(descending=True).tolist()
        start = self.places[0] if self.whole else self.places.mean(0)
        return {
            "axes": axes,
            "order": order,
            "start": start.tolist(),
            "whole": self.whole,
            "principal": self.principal,
            "size": self.size,
        }

    @property
    def used(self) -> Tensor:
        """Which coordinates tell rows apart: by the measure of `evaluate`, their variance over rows is above 0.01."""
        if not self.collapsible or self.principal or self.whole:
            return torch.ones(len(self.axes), dtype=torch.bool)
        return self.places.var(0).nan_to_num() > ACTIVE

    def _ends(self) -> tuple[Tensor, Tensor]:
        low, high = self.places.amin(0), self.places.amax(0)
        if self.whole:
            return low, high
        if self.principal:
            return torch.full_like(low, -BREADTH), torch.full_like(high, BREADTH)
        room = SPARE * (high - low).clamp(min=1e-3)
        least = self.least if bool((self.low < 0).any()) else 0.0
        return torch.where(low < 0, (low - room).clamp(max=-least), low), (high + room).clamp(min=least)

    def code(self, place: Sequence[float], origin: Sequence[float] | None = None) -> Tensor:
        """The code at a place, `(1, *shape)`."""
        if len(place) != len(self.axes):
            raise DataError(f"there are {len(self.axes)} axes, got {len(place)} places")
        return self.codes(torch.tensor([list(place)]), origin)

    def codes(self, places: Float[Tensor, "rows axes"], origin: Sequence[float] | None = None) -> Tensor:
        """The codes at these places, all from one origin."""
        if origin is not None and len(origin) != self.size:
            raise DataError(f"a code has {self.size} values, got {len(origin)}")
        start = self.zero if origin is None else torch.tensor(list(origin))
        z = start + (places - self.place(start.unsqueeze(0))) @ self.axes
        z = z.clamp(0, 1) if self.bounded else z
        z = z.round().clamp(self.low, self.high).long() if self.whole else z
        return z.reshape(len(places), *self.shape)

    def place(self, z: Tensor) -> Tensor:
        """Places along the axes of codes."""
        return (z.detach().cpu().reshape(len(z), -1).float() - self.zero) @ self.back

    def grid(self, place: Sequence[float], first: int, second: int, size: int) -> Tensor:
        """Places with two of them replaced by a grid over their range, from the upper left, row by row."""
        if not (first < len(self.axes) and second < len(self.axes)) or first == second:
            raise DataError(f"a plane has two of the {len(self.axes)} axes, got {first} and {second}")
        if len(place) != len(self.axes):
            raise DataError(f"there are {len(self.axes)} axes, got {len(place)} places")
        low, high = self._ends()
        steps = (torch.arange(size) + 0.5) / size
        across = low[first] + steps * (high[first] - low[first])
        down = high[second] - steps * (high[second] - low[second])
        places = torch.tensor([list(place)]).repeat(size * size, 1)
        places[:, first], places[:, second] = across.repeat(size), down.repeat_interleave(size)
        return places


def _units(size: int) -> Tensor:
    return torch.eye(size)


def _principal(rows: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of rows, and the directions of their largest variance, one standard deviation long."""
    mean = rows.mean(0)
    centred = (rows - mean).double()
    _, s, directions = torch.linalg.svd(centred, full_matrices=False)
    long = s / max(1, len(rows) - 1) ** 0.5
    kept = max(1, min(MOST, int((long > 1e-6 * long.max().clamp(min=1e-12)).sum())))
    return mean, (long[:kept, None].clamp(min=1e-6) * directions[:kept]).float()
