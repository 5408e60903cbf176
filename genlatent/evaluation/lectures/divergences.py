"""Which way round a divergence is taken decides whether an approximation covers modes or seeks one."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float64
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, Normal

HALF_WIDTH = 12.0  # of the grid, which holds all of the mass
POINTS = 4001
STEPS = 1000


class Fits(NamedTuple):
    """A density on a grid and the normals nearest to it by either divergence; parameters are (mean, scale)."""

    grid: Float64[Tensor, " point"]
    target: Float64[Tensor, " point"]
    forward: tuple[float, float]
    reverse: tuple[float, float]
    forward_divergence: float
    reverse_divergence: float

    def density(self, parameters: tuple[float, float]) -> Float64[Tensor, " point"]:
        """The density of a normal on the grid."""
        return _normal(*parameters).log_prob(self.grid).exp()


def two_modes(distance: float = 6.0, share: float = 0.6) -> MixtureSameFamily:
    """Two normals of width 0.7 and 1, `distance` apart, the left one with that share of the mass."""
    weights = torch.tensor([share, 1 - share], dtype=torch.float64)
    means = torch.tensor([-distance / 2, distance / 2], dtype=torch.float64)
    return MixtureSameFamily(Categorical(weights), Normal(means, torch.tensor([0.7, 1.0], dtype=torch.float64)))


def nearest_normals(target: Any) -> Fits:
    r"""The normals q that minimise :math:`\mathrm{KL}(p \| q)` and :math:`\mathrm{KL}(q \| p)` for a density p.

    .. math:: \mathrm{KL}(p \| q) = \int p \log \frac{p}{q} \quad\text{(forward: covers modes, matches moments)},
        \qquad \mathrm{KL}(q \| p) = \int q \log \frac{q}{p} \quad\text{(reverse: seeks a mode)}

    The first is found by its moments, the second by descent from several starts; integrals are sums over a grid.

    References:
        Pattern Recognition and Machine Learning, section 10.1.2 (Bishop, 2006)

    >>> nearest_normals(Normal(torch.tensor(0.5).double(), 1.0)).forward
    (0.5, 1.0)
    """
    grid = torch.linspace(-HALF_WIDTH, HALF_WIDTH, POINTS, dtype=torch.float64)
    log_p, cell = target.log_prob(grid), 2 * HALF_WIDTH / (POINTS - 1)
    forward = _by_moments(grid, log_p, cell)
    reverse = _by_descent(grid, log_p, cell, forward)
    divergences = (
        float(_divergence(log_p, _normal(*forward).log_prob(grid), cell)),
        float(_divergence(_normal(*reverse).log_prob(grid), log_p, cell)),
    )
    return Fits(grid, log_p.exp(), forward, reverse, *divergences)


def _by_moments(grid: Tensor, log_p: Tensor, cell: float) -> tuple[float, float]:
    mass = log_p.exp() * cell
    mean = (mass * grid).sum()
    return round(float(mean), 9), round(float((mass * (grid - mean) ** 2).sum().sqrt()), 9)


def _by_descent(grid: Tensor, log_p: Tensor, cell: float, about: tuple[float, float]) -> tuple[float, float]:
    """The best of what narrow starts on either side of a normal, and one as wide as it, lead to."""
    sides = torch.tensor([[-1.0], [0.0], [1.0]], dtype=torch.float64)
    mean = (about[0] + sides * about[1]).requires_grad_()
    log_scale = (about[1] / (1 + 2 * sides.abs())).log().requires_grad_()
    optimizer = torch.optim.Adam([mean, log_scale], lr=0.02)
    for _ in range(STEPS):
        optimizer.zero_grad()
        _divergence(Normal(mean, log_scale.exp()).log_prob(grid), log_p, cell).sum().backward()
        optimizer.step()
    with torch.no_grad():
        best = int(_divergence(Normal(mean, log_scale.exp()).log_prob(grid), log_p, cell).argmin())
        return float(mean[best]), float(log_scale[best].exp())


def _divergence(log_a: Tensor, log_b: Tensor, cell: float) -> Tensor:
    return (log_a.exp() * (log_a - log_b)).sum(-1) * cell


def _normal(mean: float, scale: float) -> Normal:
    return Normal(torch.tensor(mean, dtype=torch.float64), torch.tensor(scale, dtype=torch.float64))
