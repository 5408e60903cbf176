"""Real values measured from their mean in standard deviations, and back in the user's own units."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genlatent.distributions.supports import Support, names
from genlatent.errors import DataError

Standards = tuple[tuple[float, float], ...]

DIGITS = 6.5  # that float32 keeps through both changes of units
FAR = 4  # standard deviations from the mean


def standards_of(x: Tensor, support: Support, name: str) -> Standards:
    """Mean and standard deviation of each real value of rows x, NaN left out; 0 and 1 for what is not real.

    >>> standards_of(torch.tensor([[1.0, 1.0], [3.0, 0.0]]), ("real", "binary"), "tiny")
    ((2.0, 1.0), (0.0, 1.0))
    """
    columns = x.reshape(len(x), -1).double().T
    kinds = names(support)
    kinds = kinds * len(columns) if len(kinds) == 1 else kinds
    if "real" not in kinds:
        raise DataError(f"{name}: standardise is for real values, these are {', '.join(dict.fromkeys(kinds))}")
    return tuple(_of(column[~column.isnan()], kind) for column, kind in zip(columns, kinds, strict=True))


def _of(known: Tensor, kind: str) -> tuple[float, float]:
    if kind != "real" or not len(known):
        return 0.0, 1.0
    return float(known.mean()), float(known.std(correction=0)) or 1.0


def standardised(x: Tensor, standards: Sequence[Sequence[float]]) -> Tensor:
    """Each value less its mean, in standard deviations; the rows themselves where there are no standards."""
    if not standards:
        return x
    mean, scale = torch.tensor(standards, dtype=torch.float64, device=x.device).T
    return ((x.reshape(len(x), -1) - mean) / scale).to(x.dtype).reshape(x.shape)


def in_own_units(values: np.ndarray, about: Mapping[str, Any]) -> np.ndarray:
    """Rows of standardised values as the user had them, to the digits that they have kept.

    >>> in_own_units(np.array([[-0.5]]), {"standards": [[1.7, 0.1]]})
    array([[1.65]])
    """
    if not about.get("standards"):
        return values
    mean, scale = np.array(about["standards"], dtype=np.float64).T
    found = values.reshape(len(values), -1).astype(np.float64) * scale + mean
    digits = [math.floor(DIGITS - math.log10(abs(m) + FAR * s)) for m, s in zip(mean, scale, strict=True)]
    rounded = [np.round(column, max(0, kept)) for column, kept in zip(found.T, digits, strict=True)]
    moved = (mean != 0) | (scale != 1)
    return np.where(moved, np.stack(rounded, 1), found).reshape(values.shape)
