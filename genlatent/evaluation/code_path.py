r"""Between what is guessed of a code and what is true of it: :math:`\log q(z)` and :math:`\log p(x, z)` with slopes.

Annealing goes along :math:`f_\lambda(z) = (1 - \lambda) \log q(z) + \lambda \log p(x, z)`, whose first end is known and
normalised and whose last end has the normaliser p(x). The codes of all latent sites lie side by side in one vector.
"""

from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Float64
from pyro import poutine
from pyro.poutine.util import prune_subsample_sites
from torch import Tensor, nn

from genlatent.errors import RecipeError, Unsupported
from genlatent.evaluation.prepared import prepared
from genlatent.networks.wiring import at_rest
from genlatent.numerics.randomness import drawing_from
from genlatent.objectives.pyro_terms import DATA, guided, replayed, total

STARTS = ("posterior", "prior")

Codes = Float[Tensor, "run row latent"]
PerRun = Float64[Tensor, "run row"]


class Ends(NamedTuple):
    """Both log-densities of each code, and their slopes."""

    start: PerRun
    end: PerRun
    start_slope: Codes
    end_slope: Codes


@runtime_checkable
class Path(Protocol):
    """Any way from a density that is known whole to one whose normaliser is not."""

    def ends(self, z: Codes) -> Ends:
        """Densities and slopes at both ends."""
        ...


class CodePath:
    """From q(z | x), or from p(z), to p(x, z), for some rows and so many codes of each.

    Args:
        model: a latent model whose codes are real.
        x: rows.
        runs: codes of each row.
        y: labels or conditions beside the rows.
        start: `posterior` for q(z | x), `prior` for p(z).
        calls: how often slopes will be asked for, on which it depends whether a graph is traced.
    """

    def __init__(
        self, model: Any, x: Tensor, runs: int, *, y: Tensor | None = None, start: str = "posterior", calls: int = 1000
    ):
        if start not in STARTS or runs < 2:
            raise RecipeError(f"start must be one of {', '.join(STARTS)} and runs at least 2, got {start!r} and {runs}")
        self.model, self.runs, self.start = model, runs, start
        self.given = (x,) if y is None else (x, y)
        self._guess = model if start == "posterior" else _Prior(model)
        self._spare = torch.Generator(x.device).manual_seed(0)  # of draws that give way to the codes asked about
        with model.asked(self._spare):
            self.sites = _sites(self._trace())
        like = x.new_zeros(runs, len(x), sum(shape.numel() for shape in self.sites.values()))
        ends = _Ends(model, runs, self.sites, start)
        self._ends = prepared(ends, model, [like, *self.given], rows=3 * runs * len(x), calls=calls)

    def draw(self, generator: torch.Generator | None = None) -> Codes:
        """Codes of q(z | x), or of p(z)."""
        with self.model.asked(generator):
            trace: Any = self._trace()
            return self.packed({name: trace.nodes[name]["value"] for name in self.sites})

    def packed(self, values: dict[str, Tensor]) -> Codes:
        """The sites' values, `(run, row, *event)` each, side by side."""
        lead = (self.runs, len(self.given[0]))
        shapes = self.sites.items()
        return torch.cat([values[name].expand(*lead, *shape).reshape(*lead, -1) for name, shape in shapes], -1)

    def ends(self, z: Codes) -> Ends:
        """Densities and slopes at both ends."""
        with at_rest(self.model), drawing_from(self._spare):
            return Ends(*self._ends(z, *self.given))

    def _trace(self) -> Any:
        return guided(self._guess, *self.given, particles=self.runs)


class _Prior(nn.Module):
    """p(z) as a guide."""

    def __init__(self, model: Any):
        super().__init__()
        self.of = model
        self.max_plate_nesting = model.max_plate_nesting

    def guide(self, x: Tensor, y: Tensor | None = None) -> Any:
        return poutine.block(self.of.model, hide=["x"])(None, y, n=len(x))


class _Ends(nn.Module):
    """Both densities and slopes as a formula of tensors."""

    def __init__(self, model: Any, runs: int, sites: dict[str, torch.Size], start: str):
        super().__init__()
        self.model, self.runs, self.sites, self.start = model, runs, sites, start

    def forward(self, z: Tensor, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, ...]:
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            trace = guided(self.model, x, y, particles=self.runs).copy()
            sizes = [shape.numel() for shape in self.sites.values()]
            for (name, shape), value in zip(self.sites.items(), z.split(sizes, -1)):
                trace.nodes[name] = {**trace.nodes[name], "value": value.reshape(*z.shape[:2], *shape)}
            if self.start == "posterior" and len(self.sites) > 1:  # later sites depend on earlier ones
                trace = guided(self.model, x, y, particles=self.runs, draws=trace)
            t = replayed(self.model, trace, x, y, particles=self.runs)
            prior = total(t.log_prior)
            start = total(t.log_posterior) if self.start == "posterior" else prior
            values = [value.expand(z.shape[:2]) for value in (start, prior + total(t.log_likelihood))]
            slopes = [torch.autograd.grad(value.sum(), z, retain_graph=True)[0] for value in values]
        return *(value.detach().double() for value in values), *slopes


def _sites(trace: Any) -> dict[str, torch.Size]:
    """Names and shapes of the codes; those that are not real numbers for each row cannot be moved by slopes."""
    found = {}
    nodes: Any = prune_subsample_sites(trace).nodes
    for name, site in nodes.items():
        if site["type"] != "sample":
            continue
        if not _real(site["fn"].support):
            raise Unsupported(f"annealing moves codes along slopes, but {name!r} is not made of real numbers")
        if not any(frame.name == DATA for frame in site["cond_indep_stack"]):
            raise Unsupported(f"annealing is done for each row, but {name!r} is drawn once for all")
        found[name] = site["fn"].event_shape
    return found


def _real(support: Any) -> bool:
    while hasattr(support, "base_constraint"):
        support = support.base_constraint
    return type(support).__name__ in ("_Real", "_RealVector", "_Independent")
