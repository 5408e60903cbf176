r"""The divergence of a posterior from its prior, one latent dimension at a time.

Where both factorise over dimensions, :math:`\mathrm{KL}(q \| p) = \sum_j \mathrm{KL}(q_j \| p_j)`.
"""

from typing import Any

import torch
from jaxtyping import Float
from pyro.distributions.util import scale_and_mask
from torch import Tensor
from torch.distributions import Independent

from genlatent.objectives.pyro_terms import Site, Terms

PerDimension = dict[str, Float[Tensor, "particle batch latent"]]  # by site


def kl_by_dimension(t: Terms, analytic: bool = True) -> PerDimension:
    r""":math:`\mathrm{KL}(q_j \| p_j)` of each site, its event flattened to dimensions.

    A site whose posterior or prior does not factorise counts as one dimension.
    """
    whole = t.kl(analytic)
    divided = {name: _divided(t, name, analytic) for name in whole if name in t.latents}
    return {name: _or_one(divided.get(name), kl) for name, kl in whole.items()}


def factors(distribution: Any) -> Any:
    """The univariate distributions of which a distribution is the product, or None where it is no product.

    >>> import pyro.distributions as dist
    >>> factors(dist.Normal(torch.zeros(5, 3), 1.0).to_event(1)).batch_shape
    torch.Size([5, 3])
    """
    inside = innermost(distribution)
    return None if inside.event_shape else inside


def innermost(distribution: Any) -> Any:
    """A distribution without what only makes dimensions part of its event."""
    while isinstance(distribution, Independent):
        distribution = distribution.base_dist
    return distribution


def flat(value: Tensor, site: Site) -> Float[Tensor, "*rows latent"]:
    """Values of one event element each, with the elements in the last axis."""
    event = len(site["fn"].event_shape)
    return value.flatten(-event) if event else value.unsqueeze(-1)


def pathwise(site: Site) -> bool:
    """Whether draws of a site carry gradients to its parameters."""
    return bool(getattr(site["fn"], "has_rsample", False))


def _divided(t: Terms, name: str, analytic: bool) -> Tensor | None:
    site, prior = t.guide.nodes[name], t.model.nodes[name]
    q, p = factors(site["fn"]), factors(prior["fn"])
    if q is None or p is None:
        return None
    value = _closed(q, p) if analytic and t.in_order else None
    if value is None:
        log_q = q.log_prob(site["value"])
        value = (log_q if pathwise(site) else log_q.detach()) - p.log_prob(site["value"])
    first = flat(value, site).movedim(-1, 0)
    first = scale_and_mask(first, site["scale"], site["mask"])
    missing = (1,) * (t.nesting + 2 - first.dim())
    return t.by_row(first.reshape(len(first), *missing, *first.shape[1:]), site).movedim(0, -1)


def _closed(q: Any, p: Any) -> Tensor | None:
    try:
        return torch.distributions.kl_divergence(q, p)
    except NotImplementedError:
        return None


def _or_one(divided: Tensor | None, whole: Tensor) -> Tensor:
    return whole.unsqueeze(-1) if divided is None else divided
