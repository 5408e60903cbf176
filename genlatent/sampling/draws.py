"""What chains drew, and whether it can be trusted."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from genlatent.errors import DataError

FEWEST = 4  # draws below which R-hat and effective sample sizes are not defined


class Diagnosis(NamedTuple):
    """How well the chains agree on one variable: the worst over its elements that vary.

    An element that never changes says nothing about mixing: it is counted, and the figures are None if none varies.
    """

    rhat: float | None
    ess_bulk: float | None
    ess_tail: float | None
    constant: int
    size: int


@dataclass(frozen=True)
class Draws:
    """Values by name, `(chain, draw, ...)` each, from chains that all sample the same distribution.

    >>> import torch
    >>> draws = Draws({"energy": torch.randn(4, 100), "v": torch.zeros(4, 100, 2)})
    >>> draws.diagnose()["v"]
    Diagnosis(rhat=None, ess_bulk=None, ess_tail=None, constant=2, size=2)
    """

    values: dict[str, Tensor]
    burn_in: int = 0
    thin: int = 1

    def __getitem__(self, name: str) -> Tensor:
        return self.values[name]

    def to_arviz(self) -> Any:
        """An ArviZ `InferenceData` with these values as its posterior group."""
        import arviz as az  # takes seconds to import, and few callers need it

        attributes = {"burn_in": self.burn_in, "thin": self.thin}
        return az.from_dict(
            posterior={name: value.numpy(force=True) for name, value in self.values.items()}, attrs=attributes
        )

    def diagnose(self, names: Iterable[str] | None = None) -> dict[str, Diagnosis]:
        """Rank-normalised R-hat and effective sample sizes of the named variables; of all by default.

        References:
            Rank-Normalization, Folding, and Localization: An Improved R-hat (Vehtari et al., 2021)
        """
        return {name: diagnose(self.values[name], name) for name in (self.values if names is None else names)}


def diagnose(value: Tensor, name: str = "the variable") -> Diagnosis:
    """R-hat and effective sample sizes of `(chain, draw, ...)`, the worst over all elements that vary."""
    if value.shape[1] < FEWEST:
        raise DataError(f"{name}: diagnostics need at least {FEWEST} draws per chain, got {value.shape[1]}")
    columns = value.double().numpy(force=True).reshape(*value.shape[:2], -1)
    varying = np.ptp(columns, axis=(0, 1)) > 0
    figures = [_figures(columns[..., i]) for i in np.flatnonzero(varying)]
    constant, size = int((~varying).sum()), columns.shape[-1]
    if not figures:
        return Diagnosis(None, None, None, constant, size)
    rhat, bulk, tail = zip(*figures)
    return Diagnosis(max(rhat), min(bulk), min(tail), constant, size)


def _figures(x: np.ndarray) -> tuple[float, float, float]:
    """R-hat, bulk and tail ESS of one scalar; chains each stuck at a value of its own have an infinite R-hat."""
    import arviz as az  # as above

    if (np.ptp(x, axis=1) == 0).all():
        return float("inf"), float(len(x)), float(len(x))
    if len(x) == 1:
        half = x.shape[1] // 2
        x = x[:, : 2 * half].reshape(2, half)
    return float(az.rhat(x)), float(az.ess(x, method="bulk")), float(az.ess(x, method="tail"))
