r"""Discrete sites of a guide, summed over instead of drawn.

.. math:: \mathbb{E}_{q(y \mid x)}[c(y)] = \sum_y q(y \mid x) \, c(y)

exactly, in one run of guide and model: every value of a marked site stands in a dimension of its own, to the left of
all plates.
"""

from functools import cached_property
from typing import Any

from pyro.poutine.messenger import Messenger
from torch import Tensor

from genlatent.errors import RecipeError
from genlatent.objectives.pyro_terms import Rows, Terms, guided, replayed, total


class Enumerating(Messenger):
    """Gives sites marked `infer={"enumerate": "parallel"}` all values of their support at once.

    Args:
        dim: the first free dimension, counted from the right; each site takes the next one to the left.
        top: only so many values, the likeliest of each row: truncated enumeration.
    """

    def __init__(self, dim: int, top: int | None = None):
        super().__init__()
        self.dim, self.top = dim, top
        self.sites: list[str] = []

    def _pyro_sample(self, msg: Any) -> None:
        if msg["is_observed"] or msg["done"] or msg["infer"].get("enumerate") != "parallel":
            return
        fn, dim = msg["fn"], self.dim - len(self.sites)
        values = fn.enumerate_support(expand=False) if self.top is None else likeliest(fn, self.top)
        batch = values.shape[1 : values.dim() - len(fn.event_shape)]
        msg["value"] = values.reshape(len(values), *(1,) * (-dim - 1 - len(batch)), *values.shape[1:])
        msg["done"] = True
        self.sites.append(msg["name"])


def likeliest(fn: Any, number: int) -> Tensor:
    """The likeliest values of a distribution that can be listed, `(number, *batch, *event)`.

    >>> import pyro.distributions as dist, torch
    >>> likeliest(dist.Categorical(torch.tensor([[0.2, 0.5, 0.3]])), 2)
    tensor([[1],
            [2]])
    """
    values = fn.enumerate_support(expand=True)
    order = fn.log_prob(values).topk(number, 0).indices
    order = order.reshape(*order.shape, *(1,) * (values.dim() - order.dim())).expand(number, *values.shape[1:])
    return values.gather(0, order)


class Enumeration:
    """The terms of a run in which marked sites were enumerated; theirs are `(value, particle, batch)`.

    Args:
        t: what the run gave.
        sites: what was enumerated.
        truncated: whether only the likeliest values were, so that q is renormalised over them.
    """

    def __init__(self, t: Terms, sites: list[str], truncated: bool = False):
        self.t, self.sites = t, sites
        self.dims = list(range(len(sites)))
        self.log_q: Rows = {
            name: _normalised(t.log_posterior[name]) if truncated else t.log_posterior[name] for name in sites
        }

    @cached_property
    def weights(self) -> Tensor:
        r""":math:`q(y \mid x)`, with as many leading dimensions as there are enumerated sites."""
        return total(self.log_q).exp()

    def expect(self, rows: Tensor) -> Tensor:
        r""":math:`\sum_y q(y \mid x) \, c(y)`, `(particle, batch)`."""
        if not self.sites:
            return rows
        made = self.weights * rows
        return made.sum(self.dims) if made.dim() > 2 else made

    def log_weights(self) -> Tensor:
        r""":math:`\log p(x, y, z) - \log q(z \mid x, y)` of each value of y, `(value, particle, batch)`, in float64."""
        kept = {name: log_q for name, log_q in self.t.log_posterior.items() if name not in self.sites}
        parts = (self.t.log_likelihood, self.t.log_prior, kept)
        likelihood, prior, posterior = (total({name: v.double() for name, v in part.items()}) for part in parts)
        return likelihood + prior - posterior

    def kl(self, analytic: bool = True) -> Rows:
        r"""The divergence of each site, still to be averaged by :meth:`expect`; enumerated ones need no draws."""
        found = self.t.kl(analytic)
        return found | {name: self.log_q[name] - self.t.log_prior[name] for name in self.sites}


def enumerated(
    model: Any, x: Tensor, y: Tensor | None = None, *, particles: int = 1, top: int | None = None
) -> Enumeration:
    """Run the guide with every marked site enumerated, then the model on its values."""
    handler = Enumerating(-getattr(model, "max_plate_nesting", 1) - 2, top)
    trace = guided(model, x, y, particles=particles, handler=handler)
    t = replayed(model, trace, x, y, particles=particles)
    for name, site in t.guide.nodes.items():
        if site["type"] == "sample" and name not in handler.sites and not getattr(site["fn"], "has_rsample", False):
            raise RecipeError(f"the guide's site {name!r} has no pathwise gradient and is not enumerated; mark it so")
    return Enumeration(t, handler.sites, top is not None)


def _normalised(log_q: Tensor) -> Tensor:
    return log_q - log_q.logsumexp(0, keepdim=True)
