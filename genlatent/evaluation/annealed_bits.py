r"""Rows' likelihoods by annealing codes that are made of bits: no slopes, so that bits are flipped one at a time.

A run starts at a draw of q(z | x) and goes along :math:`f_\lambda(z) = (1 - \lambda) \log q(z \mid x) +
\lambda \log p(x, z)` with the weights of :mod:`.annealed_latents`; a move picks a bit at random and flips it with
probability :math:`\min(1, e^{f_\lambda(z') - f_\lambda(z)})`.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from pyro.poutine.util import prune_subsample_sites
from torch import Tensor, nn

from genlatent.errors import Unsupported
from genlatent.evaluation.annealed_latents import LEAPS, NUMBERS, RUNS, STEPS, Side, check_effort
from genlatent.evaluation.code_path import PerRun
from genlatent.evaluation.prepared import prepared
from genlatent.networks.wiring import at_rest
from genlatent.numerics.logspace import effective_sample_size, log_mean_exp
from genlatent.numerics.randomness import drawing_from
from genlatent.objectives.pyro_terms import DATA, guided, replayed, total
from genlatent.sampling import schedule

Bits = Float[Tensor, "run row bit"]


class Heights(NamedTuple):
    """Both log-densities of each code."""

    start: PerRun
    end: PerRun

    def at(self, lam: float) -> PerRun:
        """The mixture of both."""
        return (1 - lam) * self.start + lam * self.end


def made_of_bits(model: Any, x: Tensor, y: Tensor | None = None) -> bool:
    """Whether all that the guide draws are bits, for each row."""
    with model.asked(torch.Generator(x.device).manual_seed(0)):
        return bool(_sites(model, x[:1], None if y is None else y[:1], 1))


def annealed_bits(
    model: Any,
    x: Tensor,
    *,
    y: Tensor | None = None,
    runs: int = RUNS,
    steps: int = STEPS,
    flips: int = LEAPS,
    generator: torch.Generator | None = None,
) -> Side:
    """A lower bound, in the mean, on each row's log-likelihood.

    Args:
        model: a latent model whose codes are bits.
        x: rows.
        y: labels or conditions beside the rows.
        runs: of each row.
        steps: positions from the guess to the truth, equally far apart.
        flips: flips proposed at each position.
        generator: the random stream; torch's default one otherwise.

    References:
        Annealed Importance Sampling (Neal, 2001)
    """
    check_effort(runs, steps, flips)
    model.check(x)
    x = model.shaped(x)
    size = max(NUMBERS // (runs * model.event_shape.numel()), 1)
    labels = [None] * len(x) if y is None else y.split(size)
    sides = []
    for rows, told in zip(x.split(size), labels):
        path = BitPath(model, rows, runs, y=told, calls=steps * flips)
        sides.append(_annealed(path, schedule.uniform(steps).tolist(), flips, generator))
    return Side(*(torch.cat(parts) for parts in zip(*sides)))


class BitPath:
    """From q(z | x) to p(x, z), for some rows and so many codes of each; arguments as for :class:`.CodePath`."""

    def __init__(self, model: Any, x: Tensor, runs: int, *, y: Tensor | None = None, calls: int = 1000):
        self.model, self.runs, self.given = model, runs, (x,) if y is None else (x, y)
        self._spare = torch.Generator(x.device).manual_seed(0)  # of draws that give way to the codes asked about
        with model.asked(self._spare):
            self.sites = _sites(model, x, y, runs)
        if not self.sites:
            raise Unsupported(f"the codes of {type(model).__name__} are not bits of each row")
        like = x.new_zeros(runs, len(x), sum(shape.numel() for shape in self.sites.values()))
        formula = _Heights(model, runs, self.sites)
        self._heights = prepared(formula, model, [like, *self.given], rows=runs * len(x), calls=calls)

    def draw(self, generator: torch.Generator | None = None) -> Bits:
        """Codes of q(z | x)."""
        lead = (self.runs, len(self.given[0]))
        with self.model.asked(generator):
            nodes: Any = guided(self.model, *self.given, particles=self.runs).nodes
        found = [nodes[name]["value"].expand(*lead, *shape).reshape(*lead, -1) for name, shape in self.sites.items()]
        return torch.cat(found, -1)

    def heights(self, z: Bits) -> Heights:
        """Densities at both ends."""
        with at_rest(self.model), drawing_from(self._spare):
            return Heights(*self._heights(z, *self.given))


class _Heights(nn.Module):
    """Both densities as a formula of tensors."""

    def __init__(self, model: Any, runs: int, sites: dict[str, torch.Size]):
        super().__init__()
        self.model, self.runs, self.sites = model, runs, sites

    def forward(self, z: Tensor, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, ...]:
        trace = guided(self.model, x, y, particles=self.runs).copy()
        sizes = [shape.numel() for shape in self.sites.values()]
        for (name, shape), value in zip(self.sites.items(), z.split(sizes, -1)):
            trace.nodes[name] = {**trace.nodes[name], "value": value.reshape(*z.shape[:2], *shape)}
        if len(self.sites) > 1:  # later sites depend on earlier ones
            trace = guided(self.model, x, y, particles=self.runs, draws=trace)
        t = replayed(self.model, trace, x, y, particles=self.runs)
        ends = (total(t.log_posterior), total(t.log_prior) + total(t.log_likelihood))
        return tuple(end.expand(z.shape[:2]).double() for end in ends)


def _annealed(path: BitPath, lams: list[float], flips: int, generator: torch.Generator | None) -> Side:
    z = path.draw(generator)
    here, total_taken = path.heights(z), z.new_zeros(z.shape[1])
    weights = torch.zeros_like(here.start)
    for k, (lam, after) in enumerate(pairwise(lams)):
        weights = weights + (after - lam) * (here.end - here.start)
        for _ in range(flips if k < len(lams) - 2 else 0):  # at the last position nothing is moved any more
            z, here, taken = flipped(path, z, here, after, generator)
            total_taken = total_taken + taken.to(z.dtype).mean(0)
    error = (1 / effective_sample_size(weights) - 1 / len(weights)).clamp_min(0).sqrt()
    return Side(log_mean_exp(weights), error, total_taken / max(flips * (len(lams) - 2), 1))


def flipped(
    path: BitPath, z: Bits, here: Heights, lam: float, generator: torch.Generator | None = None
) -> tuple[Bits, Heights, Tensor]:
    """New codes, their densities, and where a bit was flipped."""
    which = torch.randint(z.shape[-1], (*z.shape[:2], 1), generator=generator, device=z.device)
    chance = torch.rand(z.shape[:2], generator=generator, dtype=torch.float64, device=z.device)
    moved = z.scatter(-1, which, 1 - z.gather(-1, which))
    there = path.heights(moved)
    taken = chance.log() < there.at(lam) - here.at(lam)
    kept = Heights(*(torch.where(taken, new, old) for new, old in zip(there, here)))
    return torch.where(taken[..., None], moved, z), kept, taken


def _sites(model: Any, x: Tensor, y: Tensor | None, runs: int) -> dict[str, torch.Size]:
    """Names and shapes of the codes; none if anything but bits of each row is drawn."""
    nodes: Any = prune_subsample_sites(guided(model, x, y, particles=runs)).nodes
    drawn = {name: site for name, site in nodes.items() if site["type"] == "sample"}
    return {name: site["fn"].event_shape for name, site in drawn.items()} if all(map(_of_bits, drawn.values())) else {}


def _of_bits(site: Any) -> bool:
    support = site["fn"].support
    while hasattr(support, "base_constraint"):
        support = support.base_constraint
    return type(support).__name__ == "_Boolean" and any(frame.name == DATA for frame in site["cond_indep_stack"])
