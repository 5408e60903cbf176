"""Skewed energies of a point in the plane and of two coloured sites, with exact samples and sums."""

import itertools

import torch
from torch.distributions import Gamma

BEND, WIDTH = 1.5, 0.5  # how far and how closely the second coordinate follows the first


def skewed_energy(x):
    r""":math:`E(x) = x_1 + e^{-x_1} + (x_2 - m(x_1))^2 / (2 s^2)`, a Gumbel density and a bent normal one."""
    first, second = x.unbind(-1)
    return first + (-first).exp() + (second - ridge(first)).square() / (2 * WIDTH**2)


def ridge(first):
    return BEND * first.tanh()


def skewed_samples(count, temperature=1.0, device=None):
    r"""Exact draws at a temperature: :math:`e^{-x_1}` is Gamma-distributed, :math:`x_2` normal about the ridge."""
    shape = torch.tensor(1 / temperature, dtype=torch.float64, device=device)
    first = -Gamma(shape, shape).sample((count,)).log()
    return torch.stack((first, ridge(first) + WIDTH * temperature**0.5 * torch.randn_like(first)), 1)


def skewed_grid(temperature=1.0, device=None):
    """Points of the plane and their probabilities at a temperature, by quadrature."""
    first = torch.linspace(-4, 8 + 30 * temperature, 4000, dtype=torch.float64, device=device)
    reach = BEND + 7 * WIDTH * temperature**0.5
    points = torch.cartesian_prod(first, torch.linspace(-reach, reach, 200, dtype=torch.float64, device=device))
    return points, (-skewed_energy(points) / temperature).softmax(0)


FIELDS = torch.tensor([[0.3, -0.8, 0.9], [1.1, 0.2, -0.4]])
PAIRS = torch.tensor([[1.2, -0.7, 0.1], [0.4, 0.5, -1.0], [-0.3, 0.8, 0.6]])


def potts(x):
    """Energy of two coupled sites of three values, `(..., 2, 3)` one-hot."""
    fields, pairs = FIELDS.to(x), PAIRS.to(x)
    return -(x * fields).sum((-1, -2)) - ((x[..., 0, :] @ pairs) * x[..., 1, :]).sum(-1)


def potts_points(temperature, device=None):
    """Every colouring of the two sites and its probability."""
    values = torch.tensor(list(itertools.product(range(3), repeat=2)), device=device)
    states = torch.nn.functional.one_hot(values, 3).double()
    return {"x": states}, (-potts(states) / temperature).softmax(0)
