r"""What every variational objective is made of: log p and log q of a model and its guide, row by row.

One run of the guide and one of the model on its draws give, for each of K particles and each row of data, the terms
:math:`\log p(x \mid z)`, :math:`\log p(z)`, :math:`\log q(z \mid x)` and :math:`\mathrm{KL}(q \| p)` site by site.
Bounds, importance weights, free bits and enumeration are sums of them.
"""

import functools
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import pyro
import torch
from jaxtyping import Float, Float64
from pyro import poutine
from pyro.distributions.util import scale_and_mask
from pyro.poutine.util import prune_subsample_sites
from torch import Tensor

from genlatent.errors import RecipeError
from genlatent.objectives.messengers import apart

DATA = "data"  # the plate of rows

Site = Any  # a message of Pyro: fn, value, scale, mask, cond_indep_stack, ...
PerRow = Float[Tensor, "particle batch"]
Rows = dict[str, Tensor]  # site name -> (particle, batch)


class Terms:
    """The terms of one run; every tensor is shaped `(particle, batch)`, either of which may be 1.

    A site outside the plate `data` belongs to all rows, and its term is shared equally among them, so that the sum
    over rows is the whole.
    """

    def __init__(self, model: Any, guide: Any, num_rows: int, nesting: int = 1):
        self.model: Any = prune_subsample_sites(model)
        self.guide: Any = prune_subsample_sites(guide)
        self.num_rows, self.nesting = num_rows, nesting
        self.latents = [name for name, _ in _samples(self.model, observed=False)]
        for name in self.latents:
            if name not in self.guide.nodes:
                raise RecipeError(f"the model samples {name!r} but the guide does not; give the guide that site")

    @cached_property
    def log_likelihood(self) -> Rows:
        r""":math:`\log p(x \mid z)` of each observed site."""
        return {name: self.by_row(log_prob(site), site) for name, site in _samples(self.model, observed=True)}

    @cached_property
    def log_prior(self) -> Rows:
        r""":math:`\log p(z)` of each latent site."""
        return {name: self.by_row(log_prob(site), site) for name, site in _samples(self.model, observed=False)}

    @cached_property
    def log_posterior(self) -> Rows:
        r""":math:`\log q(z \mid x)` of each site of the guide."""
        return {name: self.by_row(log_prob(site), site) for name, site in _samples(self.guide)}

    @property
    def reconstruction(self) -> PerRow:
        r""":math:`-\log p(x \mid z)`."""
        return -total(self.log_likelihood)

    def log_weights(self) -> Float64[Tensor, "particle batch"]:
        r""":math:`\log p(x, z) - \log q(z \mid x)`, summed in float64."""
        parts = (self.log_likelihood, self.log_prior, self.log_posterior)
        likelihood, prior, posterior = (total({name: t.double() for name, t in part.items()}) for part in parts)
        return likelihood + prior - posterior

    def kl(self, analytic: bool = True) -> Rows:
        r""":math:`\mathrm{KL}(q \| p)` of each site: in closed form where there is one, else :math:`\log q - \log p`.

        The closed form needs model and guide to sample in the same order: only then do both condition on the same.
        """
        return {name: self._kl(name, site, analytic and self.in_order) for name, site in _samples(self.guide)}

    @property
    def in_order(self) -> bool:
        """Whether model and guide sample in the same order."""
        return [name for name, _ in _samples(self.guide) if name in self.latents] == self.latents

    def _kl(self, name: str, site: Site, analytic: bool) -> Tensor:
        if name in self.latents and analytic:
            prior = self.model.nodes[name]
            closed = _closed_form(site, prior)
            if closed is not None:
                return self.by_row(closed + _tilt(prior), site)
        log_q = self.log_posterior[name] if _pathwise(site) else self.log_posterior[name].detach()
        return log_q - self.log_prior[name] if name in self.latents else log_q

    def surrogate(self, cost: PerRow) -> PerRow:
        r"""The cost of each row, with the gradient that sites without a pathwise one add; its value does not change.

        .. math:: \nabla \mathbb{E}_q[c(z)] = \mathbb{E}_q[\nabla c(z) + c(z) \nabla \log q(z \mid x)]
        """
        made = cost
        for _, site in _samples(self.guide):
            if not _pathwise(site):
                log_q = self.by_row(scale_and_mask(_log_prob(site), mask=site["mask"]), site)
                shared = _frame(site) is None  # one draw for all rows: it answers for their sum
                gain = cost.detach().sum(-1, keepdim=True) if shared else cost.detach()
                made = made + gain * (log_q - log_q.detach())
        return made

    def by_row(self, value: Tensor, site: Site) -> Float[Tensor, "*enumerated particle batch"]:
        """A site's log-density, summed to one value for each particle and row."""
        value = value.reshape((1,) * (self.nesting + 1 - value.dim()) + value.shape)
        frame = _frame(site)
        if frame is None:
            return value.flatten(-self.nesting).sum(-1, keepdim=True) / self.num_rows
        inner = [dim for dim in range(-self.nesting, 0) if dim != frame.dim]
        return value.sum(inner) if inner else value


def terms(model: Any, x: Tensor, y: Tensor | None = None, *, particles: int = 1) -> Terms:
    """Run the guide, then the model on its draws, for `particles` draws at once.

    The model is a module with the programs `model(x, y)` and `guide(x, y)`, its rows in the plate `data`; where plates
    lie deeper than one, it says so by `max_plate_nesting`.
    """
    return replayed(model, guided(model, x, y, particles=particles), x, y, particles=particles)


def guided(
    model: Any,
    x: Tensor,
    y: Tensor | None = None,
    *,
    particles: int = 1,
    draws: Any = None,
    handler: Callable[..., Any] | None = None,
) -> Any:
    """The trace of the guide alone; on the draws of another trace, or under a handler, where one is given."""
    guide = model.guide if handler is None else handler(model.guide)
    program = _repeated(guide, particles, getattr(model, "max_plate_nesting", 1))
    with apart(model):
        return poutine.trace(program if draws is None else poutine.replay(program, trace=draws)).get_trace(x, y)


def replayed(model: Any, guide: Any, x: Tensor, y: Tensor | None = None, *, particles: int = 1) -> Terms:
    """The terms of a guide's trace: the model is run on its draws."""
    nesting = getattr(model, "max_plate_nesting", 1)
    with apart(model):
        program = poutine.replay(_repeated(model.model, particles, nesting), trace=guide)
        return Terms(poutine.trace(program).get_trace(x, y), guide, len(x), nesting)


def log_prob(site: Site) -> Tensor:
    """Log-density of what a site holds, with the scale and mask that its plates and handlers gave it."""
    return scale_and_mask(_log_prob(site), site["scale"], site["mask"])


def total(rows: Rows) -> Tensor:
    """The sum over sites."""
    return functools.reduce(torch.add, rows.values()) if rows else torch.zeros(())


def _repeated(program: Callable[..., Any], particles: int, nesting: int) -> Callable[..., Any]:
    if particles == 1:
        return program

    def repeated(*args: Any) -> Any:
        with pyro.plate("_particles", particles, dim=-nesting - 1):
            return program(*args)

    return repeated


def _samples(trace: Any, observed: bool | None = None) -> Iterator[tuple[str, Site]]:
    for name, site in trace.nodes.items():
        if site["type"] == "sample" and observed in (None, site["is_observed"]):
            yield name, site


def _log_prob(site: Site) -> Tensor:
    return site["fn"].log_prob(site["value"], *site["args"], **site["kwargs"])


def _frame(site: Site) -> Any:
    return next((frame for frame in site["cond_indep_stack"] if frame.name == DATA), None)


def _pathwise(site: Site) -> bool:
    return bool(getattr(site["fn"], "has_rsample", False))


def _closed_form(guide_site: Site, model_site: Site) -> Tensor | None:
    """KL to the model's distribution, or to the one it is a tilted copy of."""
    try:
        kl = torch.distributions.kl_divergence(guide_site["fn"], getattr(model_site["fn"], "tilted", model_site["fn"]))
    except NotImplementedError:
        return None
    return scale_and_mask(kl, guide_site["scale"], guide_site["mask"])


def _tilt(site: Site) -> Tensor | float:
    r""":math:`-\log p(z) / p_0(z)` of what was drawn, for a p that is a tilted copy of :math:`p_0`; 0 for others."""
    if not hasattr(site["fn"], "tilted"):
        return 0.0
    return scale_and_mask(site["fn"].tilt(site["value"]), site["scale"], site["mask"])
