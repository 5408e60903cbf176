"""The importance-weighted bound."""

import math
from typing import Any

import torch
from jaxtyping import Float64
from pyro.poutine.util import prune_subsample_sites
from torch import Tensor
from torch.distributions import TransformedDistribution

from genlatent.errors import RecipeError
from genlatent.numerics.logspace import log_mean_exp
from genlatent.objectives.base import Batch, Loss
from genlatent.objectives.dimensions import innermost, pathwise
from genlatent.objectives.pyro_terms import DATA, Site, Terms, guided, replayed, terms, total
from genlatent.objectives.variational import Variational

Weights = Float64[Tensor, "particle batch"]


class IWAE(Variational):
    r"""Negative importance-weighted bound,

    .. math:: -\mathcal{L}_K(x) = -\mathbb{E}\Bigl[\log \frac{1}{K} \sum_{k=1}^K w_k\Bigr], \qquad
        w_k = \frac{p(x, z_k)}{q(z_k \mid x)}, \quad z_k \sim q(z \mid x)

    which rises from the evidence lower bound (K = 1) towards :math:`\log p(x)`. The plain gradient tells the encoder
    ever less as K grows; the doubly reparameterised one does not,

    .. math:: \nabla_\phi \mathcal{L}_K = \mathbb{E}\Bigl[\sum_k \tilde w_k^2
        \frac{\partial \log w_k}{\partial z_k} \nabla_\phi z_k\Bigr], \qquad \tilde w_k = \frac{w_k}{\sum_l w_l}

    where the derivative of :math:`\log w_k` holds :math:`\phi` fixed. Where draws carry no gradient (discrete sites),
    the plain one is taken, with a score-function term whose baseline is the bound of the other draws; so it is for
    posteriors made by a flow, which would have to be inverted. A guide of several sites runs a second time for the
    double one.

    References:
        Importance weighted autoencoders (Burda, Grosse and Salakhutdinov, 2016)
        Doubly reparameterized gradient estimators for Monte Carlo objectives (Tucker et al., 2019)

    Args:
        particles: the K draws of z for each row.
        gradient: `doubly` reparameterised or `plain`.
    """

    monitor = "bound"

    def __init__(self, particles: int = 5, gradient: str = "doubly"):
        if particles < 1:
            raise ValueError(f"particles must be at least 1, got {particles}")
        if gradient not in ("doubly", "plain"):
            raise ValueError(f"gradient must be 'doubly' or 'plain', got {gradient!r}")
        self.particles, self.gradient = particles, gradient

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The scalar to minimise: its value is the bound's, its gradient the chosen one."""
        guide = guided(model, batch.x, batch.y, particles=self.particles)
        doubly = self.gradient == "doubly" and all(twice(site) for site in draws(guide).values())
        t, bound = (doubly_reparameterised if doubly else plain)(model, batch, guide, self.particles)
        return Loss(-bound, {"bound": -bound.detach(), **self.read(t, t.kl())})

    def validate(self, model: Any, batch: Batch) -> dict[str, Tensor]:
        """The negative bound of each row, beside the evidence lower bound, from the same draws."""
        t = terms(model, batch.x, batch.y, particles=self.particles)
        found = {name: rows.mean(0).expand(t.num_rows) for name, rows in self.metrics(t, t.kl()).items()}
        found["bound"] = -log_mean_exp(log_weights(t))
        return {name: rows.detach() for name, rows in found.items()}


def log_weights(t: Terms) -> Weights:
    """Logarithms of the importance weights, in float64."""
    return t.log_weights().expand(-1, t.num_rows)


def plain(model: Any, batch: Batch, guide: Any, particles: int) -> tuple[Terms, Tensor]:
    r"""The terms, and the mean bound with the gradient of its own formula.

    For sites without pathwise gradients :math:`\sum_k (\mathcal{L}_K - \mathcal{L}_{-k}) \nabla \log q(z_k \mid x)` is
    added, :math:`\mathcal{L}_{-k}` being the bound of the other draws.
    """
    t = replayed(model, guide, batch.x, batch.y, particles=particles)
    w = log_weights(t)
    bound = log_mean_exp(w)
    gain = (bound - of_the_others(w)).detach()
    for name, site in draws(guide).items():
        if not pathwise(site):
            score = t.log_posterior[name]
            bound = bound + (gain * (score - score.detach())).sum(0)
    return t, bound.mean()


def of_the_others(w: Weights) -> Weights:
    """For each draw the bound that the others give; 0 where there are no others."""
    others = len(w) - 1
    if others == 0:
        return torch.zeros_like(w)
    own = torch.eye(len(w), dtype=torch.bool, device=w.device).unsqueeze(-1)
    return w.unsqueeze(0).masked_fill(own, -math.inf).logsumexp(1) - math.log(others)


def doubly_reparameterised(model: Any, batch: Batch, guide: Any, particles: int) -> tuple[Terms, Tensor]:
    """The terms, and the mean bound whose gradient reaches the guide through the draws alone."""
    z = {name: site["value"] for name, site in draws(guide).items()}
    held = {name: value.detach().requires_grad_() for name, value in z.items()}
    with torch.enable_grad():
        at = moved(guide, held)
        if len(z) > 1:  # later sites depend on earlier ones
            at = guided(model, batch.x, batch.y, particles=particles, draws=at)
        t = replayed(model, at, batch.x, batch.y, particles=particles)
        w = log_weights(t)
        shares = w.detach().softmax(0)
        slopes = torch.autograd.grad((shares**2 * w).sum(), list(held.values()), retain_graph=True)
    log_p = (total(t.log_likelihood) + total(t.log_prior)).expand_as(w)
    learned = (shares * (log_p - log_p.detach())).sum()
    learned = learned + sum((slope * (z[name] - z[name].detach())).sum() for name, slope in zip(held, slopes))
    return t, log_mean_exp(w.detach()).mean() + learned / t.num_rows


def draws(guide: Any) -> dict[str, Site]:
    """The sites that a guide draws, each of them once for each row."""
    nodes: Any = prune_subsample_sites(guide).nodes
    found = {name: site for name, site in nodes.items() if site["type"] == "sample"}
    for name, site in found.items():
        if not any(frame.name == DATA for frame in site["cond_indep_stack"]):
            raise RecipeError(f"importance weights belong to rows, but {name!r} is drawn once for all; use ELBO")
    return found


def twice(site: Site) -> bool:
    """Whether draws carry gradients, and other values than the draws can be scored without inverting a flow."""
    return pathwise(site) and not isinstance(innermost(site["fn"]), TransformedDistribution)


def moved(guide: Any, values: dict[str, Tensor]) -> Any:
    """A guide's trace with other values at its sites."""
    made = guide.copy()
    for name, value in values.items():
        made.nodes[name] = {**guide.nodes[name], "value": value}
    return made
