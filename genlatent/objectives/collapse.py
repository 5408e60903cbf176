r"""Whether the latent dimensions are used: what a collapsed posterior shows while it collapses."""

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.objectives.aggregate import information
from genlatent.objectives.dimensions import flat, kl_by_dimension
from genlatent.objectives.pyro_terms import Site, Terms, terms

ACTIVE = 0.01  # variance of the posterior mean from which on a dimension is active
LISTED = 100  # latent dimensions up to which each has a metric of its own
DRAWN = 256  # of a distribution that does not know its mean


@torch.no_grad()
def summary(model: Any, x: Tensor, y: Tensor | None = None) -> dict[str, Tensor]:
    r"""Scalars about the latent dimensions over these rows.

    `kl/J` is the mean of :math:`\mathrm{KL}(q(z_j \mid x) \| p(z_j))`, `active_units` the number of dimensions with
    :math:`\mathrm{Var}_x[\mathbb{E}_q[z_j]] > 0.01`, `mutual_information` and `total_correlation` those of x and z
    under :math:`q(z \mid x)` with these rows as the data; the first cannot exceed the logarithm of their number.
    With several latent sites the names hold the site, as in `kl/z_2/J`.

    References:
        Importance weighted autoencoders (Burda, Grosse and Salakhutdinov, 2016)
        ELBO surgery (Hoffman and Johnson, 2016)
    """
    t = terms(model, x, y, particles=2)
    divergences = {name: kl.mean((0, 1)) for name, kl in kl_by_dimension(t).items()}
    found = dict(_listed(divergences))
    own = [name for name in divergences if _by_row(t, name)]
    for name in own:
        label = "active_units" if len(divergences) == 1 else f"active_units/{name}"
        found[label] = (mean_variances(t, name) > ACTIVE).sum().to(x.dtype)
    if len(divergences) == len(own) == 1:
        found |= information(t.guide.nodes[own[0]])
    return found


def mean_variances(t: Terms, name: str) -> Float[Tensor, " latent"]:
    r""":math:`\mathrm{Var}_x[\mathbb{E}_q[z_j]]` of a site's dimensions, from a run with two particles.

    It is the covariance of the means that two independent draws lead to, so that what a mean owes to the draws of
    sites before it does not count.
    """
    site = t.guide.nodes[name]
    first, second = flat(_mean(site), site)
    return ((first - first.mean(0)) * (second - second.mean(0))).sum(0) / max(1, len(first) - 1)


def _by_row(t: Terms, name: str) -> bool:
    """Whether a site has one value for each of two particles and each row."""
    return t.nesting == 1 and t.guide.nodes[name]["value"].shape[:2] == (2, t.num_rows)


def _mean(site: Site) -> Tensor:
    """Mean of a site's distribution; one that does not know it is averaged over draws."""
    try:
        return site["fn"].mean.expand_as(site["value"])
    except NotImplementedError:
        return site["fn"].sample((DRAWN,)).mean(0)


def _listed(divergences: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    short = len(divergences) == 1
    many = sum(len(kl) for kl in divergences.values()) > LISTED
    for name, kl in divergences.items():
        if many and not short:
            yield f"kl/{name}", kl.sum()
        elif not many:
            yield from ((f"kl/{j}" if short else f"kl/{name}/{j}", value) for j, value in enumerate(kl))
