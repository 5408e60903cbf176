r"""The importance-weighted bound of a batch, with the gradient of its own formula or the doubly reparameterised one.

Guides may hold classes y that are summed over, before they draw z: then each class has a bound of its own,
:math:`\mathcal{L}_K(x, y)`, from its own K draws of z.
"""

import math
from typing import Any

import torch
from pyro.poutine.util import prune_subsample_sites
from torch import Tensor
from torch.distributions import TransformedDistribution

from genlatent.errors import RecipeError
from genlatent.numerics.logspace import log_mean_exp
from genlatent.objectives.base import Batch
from genlatent.objectives.dimensions import innermost, pathwise
from genlatent.objectives.enumeration import Enumerating, Enumeration
from genlatent.objectives.pyro_terms import DATA, Site, guided, replayed, total
from genlatent.objectives.semi_supervised import apart

PARTICLES = -2  # the dimension of draws; rows stand in the last one, classes in the first


class Draws:
    """One run of a guide: the sites that it draws, and those that were enumerated."""

    def __init__(self, model: Any, batch: Batch, particles: int):
        self.model, self.batch, self.particles = model, batch, particles
        handler = Enumerating(-getattr(model, "max_plate_nesting", 1) - 2)
        self.guide = guided(model, batch.x, batch.y, particles=particles, handler=handler)
        self.summed = handler.sites
        self.sites: dict[str, Site] = {}
        nodes: Any = prune_subsample_sites(self.guide).nodes
        for name, site in nodes.items():
            if site["type"] == "sample":
                self._sort(name, site)

    def _sort(self, name: str, site: Site) -> None:
        if name not in self.summed:
            self.sites[name] = site
        elif self.sites:
            raise RecipeError(
                f"the guide draws {next(iter(self.sites))!r} before it sums over {name!r}, so no class has a bound of "
                "its own; train a StackedVAE by stacked-iwae, any other model by semi-supervised-elbo"
            )
        if not any(frame.name == DATA for frame in site["cond_indep_stack"]):
            raise RecipeError(f"importance weights belong to rows, but {name!r} is drawn once for all; use ELBO")
        if self.summed and name not in self.summed and not pathwise(site):
            raise RecipeError(f"the guide's site {name!r} has no pathwise gradient and is not enumerated; mark it so")

    @property
    def twice(self) -> bool:
        """Whether draws carry gradients, and other values than the draws can be scored without inverting a flow."""
        return all(
            pathwise(site) and not isinstance(innermost(site["fn"]), TransformedDistribution)
            for site in self.sites.values()
        )

    def scored(self, guide: Any = None) -> Enumeration:
        """The terms of the model on these draws, or on those of another trace."""
        x, y = self.batch.x, self.batch.y
        at = self.guide if guide is None else guide
        return Enumeration(replayed(self.model, at, x, y, particles=self.particles), self.summed)

    def moved(self, values: dict[str, Tensor]) -> Any:
        """The guide's trace with other values at the sites that it draws."""
        made = self.guide.copy()
        for name, value in values.items():
            made.nodes[name] = {**self.guide.nodes[name], "value": value}
        if len(values) == 1:
            return made
        x, y = self.batch.x, self.batch.y  # later sites depend on earlier ones
        return guided(self.model, x, y, particles=self.particles, draws=made)


def log_weights(run: Enumeration) -> Tensor:
    r""":math:`\log w_k` in float64, `(*classes, particle, batch)`; the classification term is no part of it."""
    recalled, _ = apart(run.t.log_likelihood)
    kept = {name: log_q for name, log_q in run.t.log_posterior.items() if name not in run.sites}
    prior, posterior = (total({name: v.double() for name, v in part.items()}) for part in (run.t.log_prior, kept))
    return (recalled.double() + prior - posterior).expand(*[-1] * len(run.sites), -1, run.t.num_rows)


def by_row(run: Enumeration, bounds: Tensor) -> Tensor:
    r""":math:`\sum_y q(y \mid x) (\mathcal{L}_K(x, y) - \log q(y \mid x))` of each row; without classes the bound."""
    return run.expect(bounds.unsqueeze(PARTICLES) - total(run.log_q)).mean(0)


def plain(draws: Draws, weights: Tensor) -> tuple[Enumeration, Tensor]:
    r"""The terms, and the weighted mean bound with the gradient of its own formula.

    For sites without pathwise gradients :math:`\sum_k (\mathcal{L}_K - \mathcal{L}_{-k}) \nabla \log q(z_k \mid x)` is
    added, :math:`\mathcal{L}_{-k}` being the bound of the other draws.
    """
    run = draws.scored()
    w = log_weights(run)
    bound = log_mean_exp(w, PARTICLES)
    for name, site in draws.sites.items():
        if not pathwise(site):
            gain, score = (bound - of_the_others(w)).detach(), run.t.log_posterior[name]
            bound = bound + (gain * (score - score.detach())).sum(PARTICLES)
    return run, (weights * by_row(run, bound)).mean()


def of_the_others(w: Tensor) -> Tensor:
    """For each draw the bound that the others give; 0 where there are no others."""
    others = len(w) - 1
    if others == 0:
        return torch.zeros_like(w)
    own = torch.eye(len(w), dtype=torch.bool, device=w.device).unsqueeze(-1)
    return w.unsqueeze(0).masked_fill(own, -math.inf).logsumexp(1) - math.log(others)


def doubly_reparameterised(draws: Draws, weights: Tensor) -> tuple[Enumeration, Tensor]:
    r"""The terms, and the weighted mean bound whose gradient reaches q(z | x) through the draws alone.

    That of q(y | x) is exact, since y is not drawn.
    """
    z = {name: site["value"] for name, site in draws.sites.items()}
    held = {name: value.detach().requires_grad_() for name, value in z.items()}
    with torch.enable_grad():
        run = draws.scored(draws.moved(held))
        w = log_weights(run)
        shares = w.detach().softmax(PARTICLES)
        chances = weights * run.weights.detach()
        slopes = torch.autograd.grad((chances * shares**2 * w).sum(), list(held.values()), retain_graph=True)
    recalled, _ = apart(run.t.log_likelihood)
    log_p = (recalled + total(run.t.log_prior)).expand_as(w)
    learned = (chances * shares * (log_p - log_p.detach())).sum()
    learned = learned + sum((slope * (z[name] - z[name].detach())).sum() for name, slope in zip(held, slopes))
    value = (weights * by_row(run, log_mean_exp(w.detach(), PARTICLES))).mean()
    return run, value + learned / run.t.num_rows
