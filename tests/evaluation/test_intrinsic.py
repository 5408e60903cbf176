"""Intrinsic dimension on manifolds of known dimension."""

import math

import pytest
import torch

from genlatent.errors import DataError
from genlatent.evaluation.intrinsic import from_ratios, intrinsic_dimension, maximum_likelihood, two_nearest


def torus(dimension, rows=1000):
    """Uniform on a flat torus, each angle as a point of a circle: no edges, no change of density."""
    angles = 2 * math.pi * torch.rand(rows, dimension, dtype=torch.float64)
    return torch.cat([angles.cos(), angles.sin()], 1)


def sphere(dimension, rows=1000):
    points = torch.randn(rows, dimension + 1, dtype=torch.float64)
    return points / points.norm(dim=1, keepdim=True)


def turned(points, wide):
    """The same points in a space of more dimensions."""
    axes = torch.linalg.qr(torch.randn(wide, points.shape[1], dtype=torch.float64)).Q
    return points @ axes.mT


MANIFOLDS = {"circle": (1, torus(1)), "torus": (2, torus(2)), "sphere": (2, sphere(2)), "round": (4, sphere(4))}


@pytest.mark.parametrize("name", MANIFOLDS)
@pytest.mark.parametrize("estimate", [two_nearest, maximum_likelihood])
def test_known_manifolds(name, estimate):
    dimension, points = MANIFOLDS[name]
    for rows in (points, turned(points, 12)):
        assert estimate(rows).value == pytest.approx(dimension, rel=0.15)


@pytest.mark.parametrize("discard", [0.0, 0.1, 0.5])
def test_draws_of_the_pareto_law_give_its_exponent(discard):
    covered = 0
    for seed in range(100):
        u = torch.rand(300, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        low, high = from_ratios(u ** (-1 / 3.5), discard).sides
        covered += low < 3.5 < high
    assert 85 <= covered <= 100  # of 100 intervals of 95 %: outside with probability 1e-4


def test_neighbours_at_powers_of_two_by_hand():
    """Every log ratio is log 2, so both estimates are 1 / log 2."""
    assert from_ratios(torch.full((50,), 2.0), 0.0).value == pytest.approx(1 / math.log(2))


def test_copies_count_once():
    points = torus(2, 300)
    assert two_nearest(torch.cat([points, points])).value == two_nearest(points).value


def test_records():
    two, many = intrinsic_dimension(torus(1).float().reshape(1000, 2, 1), data="circle")
    assert two.metric == many.metric == "intrinsic dimension"
    assert two.interval is not None
    assert many.interval is None
    assert two.data == "circle"


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: two_nearest(torch.zeros(100, 2)), "at least 20 different rows"),
        (lambda: two_nearest(torus(1), discard=1.0), "discard"),
        (lambda: maximum_likelihood(torus(1), 1), "neighbours must be at least 2"),
        (lambda: two_nearest(torch.arange(30.0)[:, None], 0.5), "says no dimension"),
        (lambda: maximum_likelihood(torch.eye(30), 5), "says no dimension"),
    ],
)
def test_what_has_no_dimension(ask, message):
    with pytest.raises(DataError, match=message):
        ask()
