"""Sums and integrals over everything that a distribution can give, on grids that reach far out."""

import itertools

import torch

from genlatent.distributions.adapters import values_of

FAR = 36.0  # logits beyond which float64 rounds to 0 or 1


def cells(support, device=None):
    """Points of one cell of that support, and the weight of each in a sum or an integral."""
    kind, _, number = support.partition(":")
    discrete = {
        "binary": lambda: torch.tensor([0.0, 1.0]).double(),
        "count": lambda: torch.arange(6000).double(),
        "categorical": lambda: torch.arange(int(number)).double(),
        "levels": lambda: torch.arange(int(number)).double() / (int(number) - 1),
    }
    if kind in discrete:
        points = discrete[kind]()
        weights = torch.ones_like(points)
    else:
        points, weights = stretched(20_001, 15.0) if kind == "real" else squeezed(20_001)
    return points.to(device), weights.to(device)


def stretched(number, reach):
    """Real values, dense around 0: x = sinh t."""
    t = torch.linspace(-reach, reach, number, dtype=torch.float64)
    return t.sinh(), t.cosh() * (t[1] - t[0])


def squeezed(number):
    """Values between 0 and 1, dense at the ends: x = sigmoid(t)."""
    t = torch.linspace(-FAR, FAR, number, dtype=torch.float64)
    return t.sigmoid(), t.sigmoid() * (-t).sigmoid() * (t[1] - t[0])


def events(distribution, device=None):
    """Points of one event of one or two values, and the weight of each."""
    kind, width = values_of(distribution), distribution.event_shape[0]
    if kind == "bits":
        points = torch.tensor(list(itertools.product([0.0, 1.0], repeat=width))).double()
        weights = torch.ones(len(points)).double()
    elif kind == "one-hot vectors":
        points, weights = torch.eye(width).double(), torch.ones(width).double()
    elif kind == "shares":
        assert width == 2
        first, weights = squeezed(4001)
        points = torch.stack([first, first.flip(0)], -1)
    else:
        number = 601 if width == 2 else 20_001
        one, weight = stretched(number, 9.0) if kind == "real values" else squeezed(number)
        points = torch.cartesian_prod(*[one] * width).reshape(-1, width)
        weights = torch.cartesian_prod(*[weight] * width).reshape(-1, width).prod(-1)
    return points.to(device), weights.to(device)
