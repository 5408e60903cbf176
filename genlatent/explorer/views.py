"""Rows of data as the page shows and takes them: images of grey or coloured pixels, or columns with names."""

import base64
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genlatent.data.restored import to_table
from genlatent.data.standards import in_own_units
from genlatent.distributions.supports import Support, names
from genlatent.errors import DataError
from genlatent.explorer.subject import Subject

EDGE = 0.01  # share of the values beyond each end of the range that is shown
LARGEST_SIDE = 128  # pixels of an image that is shown as one
EMPTY = 0.1  # of the range: where the median pixel of a drawing lies
INSIDE = 1e-4  # how far inside an open interval its ends are taken
BOUNDS = {"binary": (0.0, 1.0), "unit": (0.0, 1.0), "open-unit": (0.0, 1.0), "levels": (0.0, 1.0), "spin": (-1.0, 1.0)}


class View:
    """How rows go to the page and come back; :func:`view_of` chooses which.

    Args:
        shape: of one row as it is shown.
        event_shape: of one row as the model sees it.
        kinds: the support of every value.
        low, high: the range of every value, in the model's units.
    """

    kind = "view"

    def __init__(
        self, shape: Sequence[int], event_shape: Sequence[int], kinds: Sequence[str], low: Tensor, high: Tensor
    ):
        self.shape, self.event_shape, self.kinds = tuple(shape), torch.Size(event_shape), tuple(kinds)
        self.low, self.high = low, high

    def plain(self) -> dict[str, Any]:
        """What the page must know of rows."""
        raise NotImplementedError

    def show(self, x: Tensor) -> dict[str, Any]:
        """Rows for the page."""
        raise NotImplementedError

    def values(self, given: Sequence[float | None]) -> Tensor:
        """Numbers of the page in the model's units."""
        raise NotImplementedError

    def read(self, given: Sequence[float | None]) -> Tensor:
        """One row of the page as the model takes it, NaN where it is not known."""
        if len(given) != len(self.low):
            raise DataError(f"a row has {len(self.low)} values, got {len(given)}")
        return self.inside(self.values(given)).reshape(1, *self.event_shape)

    def inside(self, x: Tensor) -> Tensor:
        """Values moved to the nearest that the model's support holds."""
        flat = x.reshape(-1, len(self.kinds))
        columns = [nearest(flat[:, i], kind) for i, kind in enumerate(self.kinds)]
        return torch.stack(columns, 1).reshape(x.shape)

    def share(self, x: Tensor) -> np.ndarray:
        """Where each value lies in its range, from 0 to 1."""
        flat = x.detach().cpu().reshape(len(x), -1)
        return ((flat - self.low) / (self.high - self.low)).clamp(0, 1).numpy(force=True)


class Images(View):
    """Images `(channels, height, width)` of one or three channels; the page knows pixels from 0 to 1."""

    kind = "image"
    ink = False  # whether they are mostly empty paper, to be shown in the page's own ink

    def plain(self) -> dict[str, Any]:
        """Size, and whether pixels are black or white."""
        channels, height, width = self.shape
        two = all(kind in ("binary", "spin") for kind in self.kinds)
        return {"kind": self.kind, "channels": channels, "height": height, "width": width, "two": two, "ink": self.ink}

    def show(self, x: Tensor) -> dict[str, Any]:
        """Bytes of pixels, channel after channel."""
        pixels = np.round(np.nan_to_num(self.share(x)) * 255).astype(np.uint8)
        return {"images": [base64.b64encode(row.tobytes()).decode("ascii") for row in pixels]}

    def values(self, given: Sequence[float | None]) -> Tensor:
        """Pixels from 0 to 1 in the model's units."""
        share = torch.tensor([float("nan") if value is None else value for value in given], dtype=self.low.dtype)
        return self.low + share.clamp(0, 1) * (self.high - self.low)


class Columns(View):
    """Rows of a table, or any row of numbers; the page knows numbers in the user's own units.

    Args:
        about: what the data tell of themselves: columns, categories, whole numbers, standards.
    """

    kind = "columns"

    def __init__(
        self,
        shape: Sequence[int],
        event_shape: Sequence[int],
        kinds: Sequence[str],
        low: Tensor,
        high: Tensor,
        about: Mapping[str, Any],
    ):
        super().__init__(shape, event_shape, kinds, low, high)
        known = list(about.get("columns") or [])
        self.names = known if len(known) == len(self.low) else [f"x{i + 1}" for i in range(len(self.low))]
        self.about = dict(about) | {"columns": self.names, "shape": [len(self.low)]}

    def plain(self) -> dict[str, Any]:
        """Names, texts and ranges of the columns."""
        low, high = (in_own_units(side.reshape(1, -1).numpy(), self.about)[0] for side in (self.low, self.high))
        texts = self.about.get("categories", {})
        columns = [
            {
                "name": name,
                "kind": kind.partition(":")[0],
                "texts": [str(text) for text in texts.get(name, _classes(kind))],
                "whole": name in self.about.get("integers", ()) or kind == "count",
                "low": float(a),
                "high": float(b),
            }
            for name, kind, a, b in zip(self.names, self.kinds, low, high, strict=True)
        ]
        return {"kind": self.kind, "columns": columns, "points": self.kinds == ("real", "real")}

    def show(self, x: Tensor) -> dict[str, Any]:
        """Numbers in the user's own units, their texts, and where in its range each lies."""
        flat = x.detach().cpu().reshape(len(x), -1)
        table = to_table(flat, self.about).columns.values()
        cells = [[_text(column[row]) for column in table] for row in range(len(flat))]
        own = in_own_units(flat.numpy().astype(np.float64), self.about)
        share = np.where(np.isnan(own), 0.0, np.nan_to_num(self.share(x)))
        rows = [[None if np.isnan(value) else float(value) for value in row] for row in own]
        return {"rows": rows, "cells": cells, "shares": np.round(share, 4).tolist()}

    def values(self, given: Sequence[float | None]) -> Tensor:
        """Numbers in the user's own units, measured as the model's data are."""
        own = torch.tensor([float("nan") if value is None else value for value in given], dtype=torch.float64)
        standards = self.about.get("standards")
        if standards:
            mean, scale = torch.tensor(standards, dtype=torch.float64).T
            own = (own - mean) / scale
        return own.to(self.low.dtype)


def view_of(subject: Subject, rows: Tensor) -> View:
    """Images where the data are such and not too large; columns otherwise.

    Args:
        subject: the model and what is known of its data.
        rows: examples, which tell the range of values that have no bounds.
    """
    model, shape = subject.model, tuple(subject.about.get("shape") or subject.model.event_shape)
    if prod(shape) != model.event_shape.numel():
        shape = tuple(model.event_shape)
    kinds = _kinds(model.support, prod(shape))
    flat = rows.detach().cpu().reshape(len(rows), -1)
    image = len(shape) == 3 and shape[0] in (1, 3) and 1 < max(shape[1:]) <= LARGEST_SIDE
    low, high = _range(flat, kinds, together=image)
    if image:
        images = Images(shape, model.event_shape, kinds, low, high)
        images.ink = shape[0] == 1 and bool(np.nanmedian(images.share(rows)) <= EMPTY)
        return images
    return Columns(shape, model.event_shape, kinds, low, high, subject.about)


def nearest(x: Tensor, kind: str) -> Tensor:
    """The nearest values in a support; NaN stays.

    >>> nearest(torch.tensor([0.2, 0.7]), "binary"), nearest(torch.tensor([0.2, -3.0]), "spin")
    (tensor([0., 1.]), tensor([ 1., -1.]))
    """
    name, _, number = kind.partition(":")
    if name in ("binary", "one-hot"):
        return x.clamp(0, 1).round()
    if name == "spin":
        return torch.where(x.isnan(), x, torch.where(x < 0, -1.0, 1.0).to(x))
    if name == "levels" and number:
        return (x.clamp(0, 1) * (int(number) - 1)).round() / (int(number) - 1)
    if name in ("count", "categorical"):
        return x.clamp(0, int(number) - 1 if number else None).round()
    ends = {"unit": (0.0, 1.0), "levels": (0.0, 1.0), "open-unit": (INSIDE, 1 - INSIDE), "non-negative": (0.0, None)}
    return x.clamp(*ends[name]) if name in ends else x


def _kinds(support: Support, size: int) -> tuple[str, ...]:
    found = names(support)
    return found * size if len(found) == 1 else found


def _range(flat: Tensor, kinds: Sequence[str], *, together: bool) -> tuple[Tensor, Tensor]:
    """The least and the largest value that is shown: of each column, or of all pixels together."""
    columns = [flat.flatten()] * len(kinds) if together and len(set(kinds)) == 1 else flat.T
    pairs: dict[int, tuple[float, float]] = {}
    found = []
    for kind, column in zip(kinds, columns, strict=True):
        if id(column) not in pairs:
            pairs[id(column)] = _ends(column, kind)
        found.append(pairs[id(column)])
    low, high = torch.tensor(found, dtype=torch.get_default_dtype()).T
    return low.contiguous(), high.contiguous()


def _ends(column: Tensor, kind: str) -> tuple[float, float]:
    name, _, number = kind.partition(":")
    if name in BOUNDS:
        return BOUNDS[name]
    if name in ("categorical", "one-hot"):
        return 0.0, max(1.0, float(number or 2) - 1 if name == "categorical" else 1.0)
    known = column[column.isfinite()].double().numpy()
    if not len(known):
        return 0.0, 1.0
    low, high = (float(end) for end in np.quantile(known, (EDGE, 1 - EDGE)))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _classes(kind: str) -> list[str]:
    name, _, number = kind.partition(":")
    if name == "binary":
        return ["0", "1"]
    return [str(i) for i in range(int(number))] if name == "categorical" and number else []


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)):
        return ""
    if isinstance(value, float | np.floating):
        return f"{value:.4g}"
    return str(value)
