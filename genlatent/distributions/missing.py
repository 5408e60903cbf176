"""Missing values: NaN where the data set declares them, and nowhere else.

Only what was observed counts: gaps are filled before a network or a density sees them, so that no NaN is computed, and
masked out of the density cell by cell.
"""

import torch
from pyro.distributions import Independent
from torch import Tensor

from genlatent.distributions.distribution import Distribution
from genlatent.distributions.supports import Support, filler
from genlatent.errors import DataError, RecipeError


def split(x: Tensor, support: Support = "real") -> tuple[Tensor, Tensor]:
    """Rows with their gaps filled by a value inside the support, and which cells were observed.

    >>> split(torch.tensor([[1.0, float("nan")]]))
    (tensor([[1., 0.]]), tensor([[ True, False]]))
    """
    observed, fill = ~x.isnan(), filler(support)
    if len(fill) == 1:
        return torch.where(observed, x, fill[0]), observed
    return torch.where(observed, x, torch.tensor(fill, dtype=x.dtype, device=x.device)), observed


def masked(distribution: Distribution, observed: Tensor) -> Distribution:
    r"""The same distribution with the log density of unobserved cells left out.

    .. math:: \log p(x_\text{observed}) = \sum_i m_i \log p(x_i)

    This needs cells that are independent given the parameters: `.to_event(...)` of a distribution over one cell. A
    distribution over whole rows that knows how to leave cells out says so by a method `where_observed(observed)`.
    """
    if hasattr(distribution, "where_observed"):
        return distribution.where_observed(observed)  # pyright: ignore[reportAttributeAccessIssue]
    cells = distribution.base_dist if isinstance(distribution, Independent) else distribution
    if cells.event_dim and not isinstance(distribution, Independent):
        raise RecipeError(
            f"{type(distribution).__name__} ties the cells of a row together, so missing ones cannot be left out; "
            "fill them first, or use a likelihood with independent cells"
        )
    if cells.event_dim:
        observed = observed.flatten(-cells.event_dim).all(-1)
    return cells.mask(observed).to_event(distribution.event_dim - cells.event_dim)


def refuse_gaps(x: Tensor, model: str) -> None:
    """Refuse NaN given to a model that was not told of missing values."""
    if bool(x.isnan().any()):
        raise DataError(f"NaN in the rows given to {model} without missing values; fill them, or set missing=True")
