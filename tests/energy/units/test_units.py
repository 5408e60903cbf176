"""What every registered unit promises; a new one is listed in UNITS and inherits all of it."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.special import erfcx, log_ndtr
from scipy.stats import kstest

from genlatent import registry
from genlatent.components import build, describe
from genlatent.distributions.supports import check
from genlatent.energy.units import Bernoulli, Categorical, Gaussian, ReLU, Spin
from genlatent.errors import DataError, RecipeError
from genlatent.sampling.uniform import Uniform
from tests.statistics import assert_means

UNITS = {
    "bernoulli": Bernoulli,
    "spin": Spin,
    "categorical": lambda: Categorical(3),
    "gaussian": Gaussian,
    "gaussian of another scale": lambda: Gaussian(0.6),
    "gaussian of learned scales": lambda: learned(),
    "relu": ReLU,
}
FIELDS = torch.tensor([-3.6, -2.5, -0.4, 0.0, 0.7, 3.1], dtype=torch.float64)
OUTSIDE = {"binary": 2.0, "spin": 0.0, "one-hot:3": 2.0, "real": math.inf, "non-negative": -0.1}


def learned():
    """A Gaussian whose scales differ from place to place."""
    unit = Gaussian(learned=True)
    unit.bind(len(FIELDS))
    with torch.no_grad():
        unit.log_sigma.copy_(torch.linspace(-0.5, 0.4, len(FIELDS)))
    return unit


def domain(device, unit):
    """States of one site, and the log weight of each in a sum or an integral."""
    if unit.alternatives is not None:
        states = torch.tensor(unit.alternatives, dtype=torch.float64, device=device)
        return states, torch.zeros(len(states), dtype=torch.float64, device=device)
    points, weights = np.polynomial.legendre.leggauss(400)
    low, high = (0.0, 24.0) if unit.support == "non-negative" else (-20.0, 20.0)
    points = low + (high - low) * (torch.from_numpy(points).to(device) + 1) / 2
    return points.unsqueeze(1), (torch.from_numpy(weights).to(device) * (high - low) / 2).log()


def expected_moments(device, unit):
    """Log normaliser of each site, mean and mean square of each unit, at FIELDS, by summing or integrating."""
    states, log_weight = domain(device, unit)
    log_z, mean, square = [], [], []
    for first in range(0, len(FIELDS), unit.width):
        f = FIELDS.to(device)[first : first + unit.width]
        base = energies(device, unit, states, first)
        weight = states @ f - base + log_weight
        p = weight.softmax(0)
        log_z.append(weight.logsumexp(0))
        mean.append(p @ states)
        square.append(p @ states**2)
    return torch.stack(log_z), torch.cat(mean), torch.cat(square)


def energies(device, unit, states, first):
    """Base energy of the states of one site, taken from a layer that is 0 elsewhere."""
    layer = torch.zeros(len(states), len(FIELDS), dtype=torch.float64, device=device)
    layer[:, first : first + unit.width] = states
    return unit.base_energy(layer).detach()


@pytest.fixture(params=UNITS)
def unit(request, device):
    return UNITS[request.param]().to(device)


def test_every_registered_unit_is_tested():
    assert {name.split()[0] for name in UNITS} == set(registry.KINDS["unit"])


def test_cumulant_is_the_log_normaliser(unit, device):
    assert torch.allclose(unit.cumulant(FIELDS.to(device)), expected_moments(device, unit)[0], atol=1e-10, rtol=0)


def test_mean_is_that_of_the_listed_values(unit, device):
    assert torch.allclose(unit.mean(FIELDS.to(device)), expected_moments(device, unit)[1], atol=1e-10, rtol=0)


def test_mean_is_the_derivative_of_the_cumulant(unit, device):
    field = FIELDS.to(device).clone().requires_grad_()
    (slope,) = torch.autograd.grad(unit.cumulant(field).sum(), field)
    assert torch.allclose(slope, unit.mean(FIELDS.to(device)), atol=1e-10)


def test_variance_is_the_derivative_of_the_mean(unit, device):
    field = FIELDS.to(device).clone().requires_grad_()
    jacobian = torch.autograd.functional.jacobian(unit.mean, field)
    _, mean, square = expected_moments(device, unit)
    assert torch.allclose(jacobian.diagonal(), square - mean**2, atol=1e-9)


def test_base_energy_is_the_definition_s(unit, device):
    x = unit.sample(FIELDS.to(device))
    scale = getattr(unit, "scale", 1.0) if unit.alternatives is None else math.inf
    sigma = scale if getattr(unit, "log_sigma", None) is None else unit.log_sigma.exp()
    assert torch.allclose(unit.base_energy(x), (x**2 / (2 * sigma**2 * torch.ones(len(FIELDS), device=device))).sum())


def test_link_is_the_inverse_of_the_mean(unit, device):
    field = FIELDS.to(device) / 3
    if unit.width > 1:
        field = (field.unflatten(0, (-1, unit.width)) - field.unflatten(0, (-1, unit.width)).mean(1, True)).flatten()
    assert torch.allclose(unit.link(unit.mean(field)), field, atol=1e-9)


def test_link_of_an_extreme_mean_is_finite(unit, device):
    ends = {"real": (-9.0, 9.0), "non-negative": (0.0, 1e4), "spin": (-1.0, 1.0)}.get(unit.support, (0.0, 1.0))
    assert unit.link(torch.tensor(ends, device=device).repeat_interleave(3)).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_everything_is_finite_at_extreme_fields(unit, dtype, device):
    field = torch.tensor([-1e4, -300.0, -10.0, 20.0, 300.0, 1e4], dtype=dtype, device=device).requires_grad_()
    cumulant, mean = unit.cumulant(field), unit.mean(field)
    (slope,) = torch.autograd.grad(cumulant.sum(), field, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), field)
    drawn = unit.sample(field.detach().expand(1000, -1))
    for value in (cumulant, mean, slope, bend, drawn):
        assert value.dtype == dtype
        assert value.isfinite().all()
    assert torch.allclose(slope, mean, rtol=1e-3)
    check(drawn, unit.support)


def test_samples_have_the_unit_s_moments(unit, device):
    _, mean, square = expected_moments(device, unit)
    draws = unit.sample(FIELDS.to(device).expand(2, 20_000, -1), torch.Generator(device).manual_seed(3)).detach()
    assert_means(draws, mean)
    assert_means(draws**2, square)


def test_samples_in_place_have_the_same_moments(unit, device):
    _, mean, square = expected_moments(device, unit)
    draws = FIELDS.to(device).float().repeat(40_000, 1)
    with torch.no_grad():
        unit.resample_(draws, Uniform(torch.Generator(device).manual_seed(3)))
    draws = draws.reshape(2, 20_000, -1)
    assert_means(draws, mean)
    assert_means(draws**2, square)


def test_samples_lie_in_the_support_and_take_every_state(unit, device):
    draws = unit.sample(torch.zeros(1000, len(FIELDS), device=device))
    check(draws, unit.support)
    if unit.alternatives is not None:
        assert set(map(tuple, draws[:, : unit.width].tolist())) == set(unit.alternatives)


def test_same_generator_same_draw(unit, device):
    one, other = (unit.sample(FIELDS.to(device), torch.Generator(device).manual_seed(seed)) for seed in (5, 5))
    assert torch.equal(one, other)


def test_values_outside_the_support_are_refused(unit, device):
    rows = unit.sample(torch.zeros(4, len(FIELDS), device=device)).detach()
    check(rows, unit.support)
    rows[2, 1] = OUTSIDE[unit.support]
    with pytest.raises(DataError, match="in row 2, column"):
        check(rows, unit.support)


def test_is_described_and_rebuilt(unit, device):
    again = build(describe(unit), "unit")
    assert describe(again) == describe(unit)
    again.bind(len(FIELDS))
    again.to(device).load_state_dict(unit.state_dict())
    assert torch.equal(again.mean(FIELDS.to(device)), unit.mean(FIELDS.to(device)))


def test_saturated_units_are_certain(device):
    field = torch.tensor([[-200.0, 200.0]], device=device).repeat(100_000, 1)
    Bernoulli().resample_(field, Uniform(torch.Generator(device).manual_seed(0)))
    assert (field == torch.tensor([0.0, 1.0], device=device)).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rectified_units_in_the_tail(dtype, device):
    field = torch.tensor([-1000.0, -50.0, -7.0, -5.1, -4.9], dtype=dtype, device=device)
    t = -field.double().numpy(force=True)
    mean = math.sqrt(2 / math.pi) / erfcx(t / math.sqrt(2)) - t
    assert torch.allclose(ReLU().mean(field).double(), torch.from_numpy(mean).to(device), rtol=1e-4)
    draws = (
        ReLU().sample(field.expand(2, 20_000, -1), torch.Generator(device).manual_seed(3)).double().numpy(force=True)
        * t
    )
    assert_means(draws, mean * t)
    for i in range(len(t)):  # the whole law, which far out is that of an exponential variable
        exceeds = (1 - erf_ratio(t[i], draws[0, :, i] / t[i])).clip(0, 1)
        assert kstest(exceeds, "uniform").pvalue > 1e-5


def erf_ratio(t, x):
    """The share of a standard normal beyond t that lies beyond t + x."""
    return np.exp(log_ndtr(-t - x) - log_ndtr(-t))


def test_class_numbers_are_spelled_as_one_hot_rows(device):
    unit, shape = Categorical(3), torch.Size([2, 3])
    rows = torch.eye(3, device=device)[torch.tensor([[0, 2], [1, 1]], device=device)]
    assert torch.equal(unit.spelled(torch.tensor([[0, 2], [1, 1]], device=device), shape), rows)
    assert torch.equal(unit.spelled(torch.tensor([0, 2], device=device), shape), rows[0])
    assert torch.equal(unit.spelled(rows, shape), rows)
    assert torch.equal(unit.spelled(rows.flatten(1), shape), rows.flatten(1))


def test_one_site_takes_a_number_or_one_for_each_chain(device):
    unit, shape = Categorical(3), torch.Size([3])
    assert torch.equal(unit.spelled(torch.tensor(2, device=device), shape), torch.eye(3, device=device)[2])
    assert torch.equal(unit.spelled(torch.tensor([2, 0], device=device), shape), torch.eye(3, device=device)[[2, 0]])
    assert torch.equal(unit.spelled(torch.eye(3, device=device)[1], shape), torch.eye(3, device=device)[1])


def test_one_hot_groups_are_known_whole_or_not_at_all(device):
    nan = math.nan
    check(torch.tensor([[nan, nan, 0.0, 1.0]], device=device), "one-hot:2", missing=True)
    for bad in ([nan, 0.0, 0.0, 1.0], [1.0, 1.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0]):
        with pytest.raises(DataError, match="a single 1 among zeros"):
            check(torch.tensor([bad], device=device), "one-hot:2", missing=True)


def test_arguments_that_are_refused(device):
    for make, sentence in (
        (lambda: Categorical(1), "states must be at least 2, got 1"),
        (lambda: Gaussian(0.0).to(device), "scale must be positive, got 0"),
    ):
        with pytest.raises(ValueError, match=sentence):
            make()
    with pytest.raises(RecipeError, match="visible has 7 units, which are no groups of 3"):
        Categorical(3).bind(7, "visible")
    with pytest.raises(RecipeError, match="learned 6 scales"):
        learned().bind(7)


def test_a_learned_scale_starts_at_the_spread_of_the_data(device):
    unit, x = learned().to(device), torch.randn(500, len(FIELDS), device=device) * torch.arange(1.0, 7.0, device=device)
    unit.prepare(x)
    assert torch.allclose(unit.log_sigma.exp(), x.std(0))


def test_states_of_a_site_are_distinct(device):
    for unit in (Bernoulli(), Spin(), Categorical(4)):
        assert all(a != b for a, b in itertools.combinations(unit.alternatives, 2))
        assert {len(state) for state in unit.alternatives} == {unit.width}
