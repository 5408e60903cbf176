r"""Simulation-based calibration: whether a guide's spread is the posterior's, for rows that the model made itself.

Where :math:`z^* \sim p(z)`, :math:`x \sim p(x \mid z^*)` and :math:`z_1 \dots z_L \sim p(z \mid x)`, the rank of each
value of :math:`z^*` among the draws takes :math:`0 \dots L` equally often. A guide that is too narrow leaves the true
code outside of its draws too often, one that is too wide leaves it in the middle, one that is shifted on one side.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from pyro import poutine
from pyro.poutine.util import prune_subsample_sites
from scipy import stats
from torch import Tensor

from genlatent.errors import RecipeError, Unsupported
from genlatent.evaluation.record import Record
from genlatent.objectives.pyro_terms import guided

ROWS, DRAWS, BINS = 500, 63, 16
DOUBTED, REFUSED = 0.01, 1e-4  # chances of a histogram this uneven under an exact guide
OUTER, INNER = 1.15, 0.85  # spread of the ranks, in that of even ones, from which on it is said to be a matter of width
LEAST_EXPECTED = 5  # ranks in a bin, below which the test cannot be held


class Ranks(NamedTuple):
    """Of each value of each code: the rank of what made the row among the guide's draws."""

    ranks: dict[str, Int[Tensor, "row latent"]]  # by site
    draws: int

    def histogram(self, site: str, bins: int = BINS) -> Float[Tensor, "latent bin"]:
        """How often the ranks of each value fell into each of equally wide bins."""
        cells = self.ranks[site] * bins // (self.draws + 1)
        return torch.stack([torch.bincount(cell, minlength=bins).double() for cell in cells.T])


def ranks(
    model: Any,
    *,
    rows: int = ROWS,
    draws: int = DRAWS,
    y: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Ranks:
    """Rows from the model, and where the codes that made them stand among the guide's draws; ties are broken at random.

    Args:
        model: a latent model.
        rows: how many are drawn; as many as `y` has, under a conditional model.
        draws: of the guide for each row; one less than a multiple of the bins.
        y: labels or conditions to draw rows under.
        generator: the random stream; torch's default one otherwise.

    References:
        Validating Bayesian inference algorithms with simulation-based calibration (Talts et al., 2018)
    """
    if rows < 1 or draws < 1:
        raise RecipeError(f"rows and draws must be at least 1, got {rows} and {draws}")
    rows = rows if y is None else len(y)
    with model.asked(generator):
        made: Any = prune_subsample_sites(poutine.trace(model.model).get_trace(None, y, n=rows))
        guess: Any = guided(model, made.nodes["x"]["value"], y, particles=draws)
        names = [name for name, site in made.nodes.items() if site["type"] == "sample" and name in guess.nodes]
        found = {name: _ranked(made.nodes[name], guess.nodes[name], draws, rows) for name in names}
    if not found:
        raise Unsupported(f"{type(model).__name__} draws no code that its guide draws as well")
    return Ranks(found, draws)


def _ranked(truth: Any, guess: Any, draws: int, rows: int) -> Tensor:
    event = truth["fn"].event_shape
    true = truth["value"].reshape(rows, -1)
    drawn = guess["value"].expand(draws, rows, *event).reshape(draws, rows, -1)
    below, same = (drawn < true).sum(0), (drawn == true).sum(0)
    return below + (torch.rand(same.shape, device=same.device) * (same + 1)).floor().long()


def calibration_records(
    model: Any,
    *,
    rows: int = ROWS,
    draws: int = DRAWS,
    bins: int = BINS,
    y: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> list[Record]:
    """For each latent site, the chance of ranks as uneven as these, were the guide the posterior.

    The chance is that of the worst value of a code, times the number of values.
    """
    found = ranks(model, rows=rows, draws=draws, y=y, generator=generator)
    if (draws + 1) % bins:
        raise RecipeError(f"draws must be one less than a multiple of {bins} bins, got {draws}")
    if len(next(iter(found.ranks.values()))) < LEAST_EXPECTED * bins:
        raise RecipeError(f"{bins} bins need at least {LEAST_EXPECTED * bins} rows, got {rows}")
    return [_record(found, site, bins) for site in found.ranks]


def _record(found: Ranks, site: str, bins: int) -> Record:
    p = uniformity(found.histogram(site, bins))
    worst = int(p.argmin())
    chance = min(1.0, float(p[worst]) * len(p))
    shape = described(found.ranks[site][:, worst], found.draws)
    of = "" if len(found.ranks) == 1 else f" of {site}"
    method = f"simulation-based, ranks among {found.draws} draws in {bins} bins"
    verdict = "ok" if chance >= DOUBTED else "doubtful" if chance >= REFUSED else "failed"
    reason = "" if verdict == "ok" else f"dimension {worst}: {shape}"
    rows = len(found.ranks[site])
    return Record(f"calibration{of}", chance, method, "p-value", None, found.draws, rows, "", "none", verdict, reason)


def uniformity(counts: Float[Tensor, "latent bin"]) -> Float[Tensor, " latent"]:
    r"""p-value of each histogram by :math:`\chi^2 = \sum_b (n_b - n / B)^2 / (n / B)`.

    >>> uniformity(torch.tensor([[25.0, 25.0, 25.0, 25.0], [40.0, 10.0, 10.0, 40.0]])).round(decimals=6).tolist()
    [1.0, 0.0]
    """
    expected = counts.sum(1, keepdim=True) / counts.shape[1]
    squares = ((counts - expected).square() / expected).sum(1)
    return torch.as_tensor(stats.chi2.sf(squares.numpy(force=True), counts.shape[1] - 1))


def described(ranks: Int[Tensor, " row"], draws: int) -> str:
    r"""What the ranks say of a guide, by their spread and mean compared with even ones.

    >>> described(torch.tensor([0, 0, 63, 63]), 63), described(torch.tensor([30, 31, 32, 33]), 63)
    ('the guide is too narrow', 'the guide is too wide')
    """
    share = (ranks.double() + 0.5) / (draws + 1)
    wide = float((share - 0.5).square().mean().sqrt()) * 12**0.5
    shift = float(share.mean()) - 0.5
    if abs(shift) > 0.05:
        return f"the guide lies too {'low' if shift > 0 else 'high'}"
    if wide > OUTER:
        return "the guide is too narrow"
    return "the guide is too wide" if wide < INNER else "the guide has another shape than the posterior"
