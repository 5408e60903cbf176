"""How many dimensions rows really have, from how fast their neighbourhoods grow."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from scipy.stats import chi2
from torch import Tensor

from genlatent.errors import DataError
from genlatent.evaluation.codes import Rows
from genlatent.evaluation.record import Record

ROWS_AT_ONCE = 256
FEWEST = 20


class Dimension(NamedTuple):
    """An intrinsic dimension and where it lies with 95 % confidence, neighbourhoods taken for independent."""

    value: float
    sides: tuple[float, float] | None


def two_nearest(rows: Rows, discard: float = 0.1) -> Dimension:
    r"""From the ratio of the distances to the second and to the first neighbour.

    Where the density is constant up to the second neighbour, :math:`\mu = r_2 / r_1` is Pareto,
    :math:`P(\mu > m) = m^{-d}`. The largest ratios, least local, count only as larger than the others:

    .. math:: \hat d = \frac{m}{\sum_{i \le m} \log \mu_{(i)} + (n - m) \log \mu_{(m)}}

    the maximum likelihood under this censoring, where the paper fits a line; :math:`2 m d / \hat d` is
    :math:`\chi^2_{2m}`.

    References:
        Estimating the intrinsic dimension of datasets by a minimal neighborhood information (Facco et al., 2017)

    Args:
        rows: points; copies of a point count once.
        discard: share of the rows with the largest ratios.
    """
    if not 0 <= discard < 1:
        raise DataError(f"discard must be at least 0 and below 1, got {discard}")
    near = _neighbours(rows, 2)
    return from_ratios(near[:, 1] / near[:, 0], discard)


def from_ratios(ratios: Float[Tensor, " _"], discard: float = 0.1) -> Dimension:
    """The exponent of a Pareto law from draws of it, of which the largest are only known to be large."""
    logs = ratios.double().log().sort().values
    n, m = len(logs), max(1, round((1 - discard) * len(logs)))
    total = float(logs[:m].sum() + (n - m) * logs[m - 1])
    if total <= 0:
        raise DataError("every row is as far from its second neighbour as from its first, which says no dimension")
    low, high = (float(chi2.ppf(q, 2 * m)) / (2 * total) for q in (0.025, 0.975))
    return Dimension(m / total, (low, high))


def maximum_likelihood(rows: Rows, neighbours: int = 10) -> Dimension:
    r"""From the distances :math:`T_j` to the k nearest neighbours of every row,

    .. math:: \hat d^{-1} = \frac{1}{n (k - 1)} \sum_{i=1}^n \sum_{j=1}^{k-1} \log \frac{T_k(x_i)}{T_j(x_i)}

    the inverse of the mean of the inverse estimates, which is less biased than their mean. Neighbourhoods overlap, so
    no interval is given.

    References:
        Maximum likelihood estimation of intrinsic dimension (Levina and Bickel, 2004)

        Comments on "Maximum likelihood estimation of intrinsic dimension" (MacKay and Ghahramani, 2005)
    """
    if neighbours < 2:
        raise DataError(f"neighbours must be at least 2, got {neighbours}")
    near = _neighbours(rows, neighbours)
    inverse = float((near[:, -1:] / near[:, :-1]).log().mean())
    if inverse <= 0:
        raise DataError("all neighbours of every row are equally far, which says no dimension")
    return Dimension(1 / inverse, None)


def intrinsic_dimension(rows: Tensor, *, data: str = "") -> list[Record]:
    """Both estimates, of rows of data or of their codes."""
    flat = rows.flatten(1)
    found = {
        "ratio of two nearest neighbours": two_nearest(flat),
        "maximum likelihood, 10 neighbours": maximum_likelihood(flat),
    }
    name, reason = "intrinsic dimension", "rows that are few for their dimension make it too small"
    return [
        Record(name, d.value, method, interval=d.sides, rows=len(flat), data=data, reason=reason)
        for method, d in found.items()
    ]


def _neighbours(rows: Rows, count: int) -> Float[Tensor, "_ neighbour"]:
    """Distances of different rows to their nearest ones, nearest first."""
    points = rows.double().unique(dim=0)
    if len(points) < max(FEWEST, count + 1):
        raise DataError(f"at least {max(FEWEST, count + 1)} different rows are wanted, got {len(points)}")
    found = [
        torch.cdist(part, points, compute_mode="donot_use_mm_for_euclid_dist").topk(count + 1, largest=False).values
        for part in points.split(ROWS_AT_ONCE)
    ]
    return torch.cat(found)[:, 1:]
