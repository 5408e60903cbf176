"""What chains drew, and whether it can be trusted."""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from genlatent.errors import DataError
from genlatent.sampling.arviz_loading import load_arviz
from genlatent.sampling.stored import Stored

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
    autocorrelation_time: float | None = None  # draws that tell as much of the mean as one independent draw


@dataclass(frozen=True)
class Draws:
    """Values by name, `(chain, draw, ...)` each, from chains that all sample the same distribution.

    Those of two-valued units may be stored as bits; whoever asks for them by name gets numbers.

    >>> import torch
    >>> draws = Draws({"energy": torch.randn(4, 100), "v": torch.zeros(4, 100, 2)})
    >>> draws.diagnose()["v"]
    Diagnosis(rhat=None, ess_bulk=None, ess_tail=None, constant=2, size=2, autocorrelation_time=None)
    """

    values: Mapping[str, Tensor]
    burn_in: int = 0
    thin: int = 1

    def __getitem__(self, name: str) -> Tensor:
        return self.values[name]

    def only(self, chains: Tensor) -> "Draws":
        """Some of the chains: those that sample the same distribution, where each has a temperature of its own.

        Args:
            chains: numbers of chains, or a mask.
        """
        if isinstance(self.values, Stored):
            return replace(self, values=self.values.only(chains))
        return replace(self, values={name: value[chains] for name, value in self.values.items()})

    def to_arviz(self, **attributes: Any) -> Any:
        """An ArviZ `InferenceData` with these values as its posterior group, and what else there is to say of them."""
        az = load_arviz()

        attributes = {"burn_in": self.burn_in, "thin": self.thin, **attributes}
        values = {name: value.numpy(force=True) for name, value in self.values.items()}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "More chains")  # there may well be, and the axes are in their order
            return az.from_dict(posterior=values, attrs=attributes)

    def diagnose(self, names: Iterable[str] | None = None) -> dict[str, Diagnosis]:
        """Rank-normalised R-hat and effective sample sizes of the named variables; of all by default.

        References:
            Rank-Normalization, Folding, and Localization: An Improved R-hat (Vehtari et al., 2021)
        """
        return {name: diagnose(self.values[name], name) for name in (self.values if names is None else names)}


def diagnose(value: Tensor, name: str = "the variable") -> Diagnosis:
    r"""R-hat and effective sample sizes of `(chain, draw, ...)`, the worst over all elements that vary.

    The autocorrelation time is :math:`\tau = 1 + 2 \sum_{l \ge 1} \rho_l`, with Geyer's initial monotone sequence of
    the values themselves, so that it holds for discrete chains, whose values are mostly ties, as well.
    """
    if value.shape[1] < FEWEST:
        raise DataError(f"{name}: diagnostics need at least {FEWEST} draws per chain, got {value.shape[1]}")
    columns = value.double().numpy(force=True).reshape(*value.shape[:2], -1)
    if not np.isfinite(columns).all():
        raise DataError(f"{name}: the chains hold values that are not finite")
    varying = np.ptp(columns, axis=(0, 1)) > 0
    figures = [_figures(columns[..., i]) for i in np.flatnonzero(varying)]
    constant, size = int((~varying).sum()), columns.shape[-1]
    if not figures:
        return Diagnosis(None, None, None, constant, size)
    rhat, bulk, tail, tau = zip(*figures)
    return Diagnosis(max(rhat), min(bulk), min(tail), constant, size, max(tau))


def _figures(x: np.ndarray) -> tuple[float, float, float, float]:
    """R-hat, bulk and tail ESS, autocorrelation time of one scalar.

    Chains each stuck at a value of its own have an infinite R-hat.
    """
    az = load_arviz()

    if (np.ptp(x, axis=1) == 0).all():
        return float("inf"), float(len(x)), float(len(x)), float(x.shape[1])
    tau = x.size / float(az.ess(x, method="mean"))
    if len(x) == 1:
        half = x.shape[1] // 2
        x = x[:, : 2 * half].reshape(2, half)
    with np.errstate(divide="ignore", invalid="ignore"):  # of two values equally often the distances are all equal
        found = [float(az.rhat(x)), float(az.rhat(x, method="z_scale"))]
    rhat = next((value for value in found if not np.isnan(value)), float("inf"))  # nothing says that they agree
    return rhat, float(az.ess(x, method="bulk")), float(az.ess(x, method="tail")), tau
