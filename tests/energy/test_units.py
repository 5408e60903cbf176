import math

import pytest
import torch

from genlatent.components import build
from genlatent.energy.units import Bernoulli, Gaussian, Spin
from genlatent.sampling.uniform import Uniform
from tests.statistics import assert_means

UNITS = [Bernoulli, Spin, Gaussian]
FIELDS = torch.tensor([-2.5, -0.4, 0.0, 0.7, 3.1], dtype=torch.float64)


def domain(unit):
    """Values of a unit and the weight of each: its own list, or a fine grid."""
    if unit.values is not None:
        return torch.tensor(unit.values, dtype=torch.float64), 0.0
    grid = torch.linspace(-15, 15, 6001, dtype=torch.float64)
    return grid, math.log(grid[1] - grid[0])


def expected_moments(unit):
    x, log_width = domain(unit)
    weight = FIELDS.unsqueeze(1) * x - unit.base_energy(x.unsqueeze(1)) + log_width
    p = weight.softmax(1)
    return weight.logsumexp(1), p @ x, p @ x**2


@pytest.mark.parametrize("kind", UNITS)
class TestUnit:
    def test_cumulant_is_the_log_normaliser(self, kind):
        assert torch.allclose(kind().cumulant(FIELDS), expected_moments(kind())[0], atol=1e-10, rtol=0)

    def test_mean_is_that_of_the_listed_values(self, kind):
        assert torch.allclose(kind().mean(FIELDS), expected_moments(kind())[1], atol=1e-10, rtol=0)

    def test_mean_is_the_derivative_of_the_cumulant(self, kind):
        field = FIELDS.clone().requires_grad_()
        (slope,) = torch.autograd.grad(kind().cumulant(field).sum(), field)
        assert torch.allclose(slope, kind().mean(FIELDS), atol=1e-12)

    def test_link_is_the_inverse_of_the_mean(self, kind):
        assert torch.allclose(kind().link(kind().mean(FIELDS / 2)), FIELDS / 2, atol=1e-9)

    def test_link_of_an_extreme_mean_is_finite(self, kind):
        ends = torch.tensor(kind.values or (-9.0, 9.0))
        assert kind().link(ends).isfinite().all()

    def test_samples_have_the_unit_s_moments(self, kind):
        _, mean, square = expected_moments(kind())
        draws = kind().sample(FIELDS.expand(2, 20_000, -1), torch.Generator().manual_seed(3))
        assert_means(draws, mean)
        assert_means(draws**2, square)

    def test_samples_in_place_have_the_same_moments(self, kind):
        _, mean, square = expected_moments(kind())
        draws = FIELDS.float().repeat(40_000, 1)
        kind().resample_(draws, Uniform(torch.Generator().manual_seed(3)))
        draws = draws.reshape(2, 20_000, -1)
        assert_means(draws, mean)
        assert_means(draws**2, square)

    def test_samples_lie_in_the_support(self, kind):
        draws = kind().sample(torch.zeros(1000, 1))
        assert kind.values is None or set(draws.unique().tolist()) == set(kind.values)

    def test_is_named_in_the_registry(self, kind):
        assert type(build(kind.__name__.lower(), kind="unit")) is kind


def test_saturated_units_are_certain():
    field = torch.tensor([[-200.0, 200.0]]).repeat(100_000, 1)
    Bernoulli().resample_(field, Uniform(torch.Generator().manual_seed(0)))
    assert (field == torch.tensor([0.0, 1.0])).all()
