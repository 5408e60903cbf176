"""What each likelihood is in particular."""

import itertools
import math

import pyro.distributions as dist
import pytest
import torch
from scipy import stats

from genlatent import components
from genlatent.distributions.averages import averaged
from genlatent.distributions.likelihoods import (
    Bernoulli,
    Beta,
    Categorical,
    Columns,
    ContinuousBernoulli,
    DiscretisedLogistics,
    Gaussian,
    NegativeBinomial,
    Poisson,
    StudentT,
    ZeroInflated,
)
from genlatent.errors import DataError, RecipeError


def test_bernoulli_by_enumeration():
    likelihood = Bernoulli([3]).double()
    logits = torch.tensor([0.3, -1.2, 2.0], dtype=torch.float64)
    states = torch.tensor(list(itertools.product([0.0, 1.0], repeat=3)), dtype=torch.float64)
    probability = likelihood(logits).log_prob(states).exp()
    assert probability.sum() == pytest.approx(1.0, abs=1e-12)
    torch.testing.assert_close(probability @ states, likelihood.mean(logits))


@pytest.mark.parametrize(
    ("likelihood", "x", "message"),
    [
        (Bernoulli([2]), [0.0, 0.5], "binarise the data, or use ContinuousBernoulli"),
        (Categorical(4, [2]), [0.0, 4.0], "Categorical: 4 in row 0, column 1 is not categorical:4"),
        (Beta([2]), [0.5, 1.0], "Beta: 1 in row 0, column 1 .*use ContinuousBernoulli"),
        (DiscretisedLogistics(16, event_shape=[2]), [0.0, 0.5], "0.5 in row 0, column 1 is not levels:16"),
        (Poisson([2]), [3.0, -1.0], "whole numbers from 0"),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_each_says_what_is_wrong(likelihood, x, message):
    with pytest.raises(DataError, match=message):
        likelihood.check(torch.tensor([x]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Gaussian(0.0), "scale must be a positive number"),
        (lambda: Gaussian("other"), 'scale must be a positive number, "learned", "optimal" or "per-output"'),
        (lambda: StudentT(1.0), "df must be a number above 1"),
        (lambda: Categorical(1), "classes must be at least 2"),
        (lambda: NegativeBinomial("none"), "dispersion must be"),
        (lambda: ZeroInflated(Gaussian()), "only counts are zero-inflated, and Gaussian has support 'real'"),
        (lambda: DiscretisedLogistics(1), "levels must be at least 2"),
        (lambda: Columns([Gaussian()], [[0], [1]]), "1 likelihoods for 2 groups"),
        (lambda: Columns([Gaussian(), Poisson()], [[0, 1], [1]]), "every column belongs to one group"),
    ],
)
def test_impossible_arguments_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_continuous_bernoulli_mean_in_closed_form():
    eta = torch.tensor([-6.0, -1.0, 1.5, 4.0], dtype=torch.float64)
    likelihood = ContinuousBernoulli([4]).double()
    expected = 1 / (1 - torch.exp(-eta)) - 1 / eta
    torch.testing.assert_close(likelihood.mean(eta), expected)
    torch.testing.assert_close(likelihood.params_at(expected), eta, atol=1e-6, rtol=0)


def test_gaussian_scales():
    x, params = torch.tensor([[1.0, -2.0]]), torch.tensor([[0.0, 1.0]])
    expected = -stats.norm.logpdf([1.0, -2.0], [0.0, 1.0], 2.0).sum()
    assert Gaussian(2.0, event_shape=(2,)).loss(params, x).item() == pytest.approx(expected, rel=1e-6)
    learned = Gaussian("learned", event_shape=(2,))
    torch.nn.init.constant_(learned.log_scale, torch.tensor(2.0).log().item())
    assert learned.loss(params, x).item() == pytest.approx(expected, rel=1e-6)


def test_gaussian_per_output_starts_at_scale_one_and_keeps_its_floor():
    likelihood = Gaussian("per-output", floor=0.01, event_shape=(1,))
    assert likelihood.loc_and_scale(torch.zeros(2))[1].item() == pytest.approx(1.01)
    assert likelihood.loc_and_scale(torch.full((2,), -1e4))[1].item() == pytest.approx(0.01)


@pytest.mark.parametrize("gaps", [False, True])
def test_the_optimal_scale_is_where_the_learned_ones_gradient_vanishes(gaps, device):
    params = torch.randn(50, 3, dtype=torch.float64, device=device)
    x = params + 0.3 * torch.randn_like(params) + 0.1
    observed = torch.rand(50, 3, device=device) < 0.5 if gaps else None
    learned = Gaussian("learned", event_shape=[3]).double().to(device)
    with torch.no_grad():
        learned.log_scale.copy_(learned.optimal_scale(params, x, observed).log())
    learned.loss(params, x, observed).mean().backward()
    assert learned.log_scale.grad.item() == pytest.approx(0.0, abs=1e-12)
    optimal = Gaussian("optimal", event_shape=[3]).double().to(device)
    torch.testing.assert_close(optimal.loss(params, x, observed), learned.loss(params, x, observed).detach())


def test_the_optimal_scale_gives_the_gradient_of_the_optimum(device):
    params = torch.randn(20, 3, dtype=torch.float64, device=device).requires_grad_()
    x = torch.randn_like(params)
    optimal = Gaussian("optimal", event_shape=[3]).double().to(device)
    (found,) = torch.autograd.grad(optimal.loss(params, x).sum(), params)
    (expected,) = torch.autograd.grad(30 * (x - params).square().mean().log(), params)
    torch.testing.assert_close(found, expected)


def test_the_optimal_scale_of_training_is_kept_for_later(device):
    likelihood = Gaussian("optimal", event_shape=[3]).to(device)
    params = torch.zeros(1000, 3, device=device)
    for _ in range(200):
        likelihood.loss(params, 0.2 * torch.randn_like(params))
    kept = likelihood.variance.clone()
    assert kept.sqrt().item() == pytest.approx(0.2, rel=0.03)
    likelihood.eval().loss(params, torch.randn_like(params))
    assert torch.equal(likelihood.variance, kept)
    assert likelihood(params).sample().std().item() == pytest.approx(0.2, rel=0.1)


def test_negative_binomial_is_scipys():
    mean, theta, x = 3.5, 1.7, torch.arange(6.0).double()
    raw = torch.tensor([mean, theta]).double().expm1().log()
    found = NegativeBinomial(event_shape=[1]).double()(raw).log_prob(x[:, None])
    expected = stats.nbinom.logpmf(x.numpy(), theta, theta / (theta + mean))
    assert found.numpy() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("gate", [0.0, 1.5, -0.7])
def test_extra_zeros(gate):
    likelihood = ZeroInflated(event_shape=[1]).double()
    params, share = torch.tensor([gate, 2.0]).double(), 1 / (1 + math.exp(-gate))
    poisson = Poisson([1]).double()(params[1:])
    zero, two = torch.zeros(1).double(), torch.full((1,), 2.0).double()
    assert likelihood(params).log_prob(zero).exp() == pytest.approx(share + (1 - share) * poisson.log_prob(zero).exp())
    assert likelihood(params).log_prob(two).exp() == pytest.approx((1 - share) * poisson.log_prob(two).exp())


def test_no_count_is_impossible():
    assert Poisson([1])(torch.tensor([-1000.0])).log_prob(torch.tensor([2.0])).isfinite()


def test_the_probabilities_of_coloured_pixels_sum_to_one(device):
    likelihood = DiscretisedLogistics(5, 3, event_shape=(3, 1, 1)).double().to(device)
    params = 2 * torch.randn(likelihood.num_params(likelihood.event_shape), dtype=torch.float64, device=device)
    levels = torch.linspace(0, 1, 5, dtype=torch.float64, device=device)
    pixels = torch.cartesian_prod(levels, levels, levels).reshape(-1, 3, 1, 1)
    probability = likelihood(params).log_prob(pixels).exp()
    assert probability.sum().item() == pytest.approx(1.0, abs=1e-9)
    draws = likelihood(params).sample((20_000,))
    expected = (probability[:, None, None, None] * pixels).sum(0)
    assert ((draws.mean(0) - expected).abs() < 6 * draws.std(0) / 20_000**0.5).all()
    together = (probability * pixels[:, 0, 0, 0] * pixels[:, 2, 0, 0]).sum()
    found = draws[:, 0, 0, 0] * draws[:, 2, 0, 0]
    assert (found.mean() - together).abs() < 6 * found.std() / 20_000**0.5


def test_the_mean_of_coloured_pixels_is_exact_away_from_the_ends(device):
    likelihood = DiscretisedLogistics(64, 2, event_shape=(3, 2, 2)).double().to(device)
    params = 0.3 * torch.randn(likelihood.num_params(likelihood.event_shape), dtype=torch.float64, device=device)
    params[4 * 2 * 4 : 7 * 2 * 4] = -4.0
    draws = likelihood(params).sample((20_000,))
    assert ((draws.mean(0) - likelihood.mean(params)).abs() < 6 * draws.std(0) / 20_000**0.5).all()


def test_narrow_logistics_do_not_cancel():
    likelihood = DiscretisedLogistics(256, 1, event_shape=[1])
    params = torch.tensor([0.0, 0.9, -6.9], requires_grad=True)
    far = likelihood.loss(params, torch.tensor([0.0]))
    assert far.isfinite()
    far.backward()
    assert params.grad.isfinite().all()


def test_a_coloured_pixel_counts_where_all_of_it_was_seen():
    likelihood = DiscretisedLogistics(9, 2, event_shape=(3, 1, 2))
    params = torch.randn(1, likelihood.num_params(likelihood.event_shape))
    x = likelihood(params).sample()
    observed = torch.ones(1, 3, 1, 2, dtype=torch.bool)
    observed[0, 1, 0, 1] = False
    left = observed.all(1, keepdim=True).expand_as(observed)
    torch.testing.assert_close(likelihood.loss(params, x, observed), likelihood.loss(params, x, left))


@pytest.fixture
def table(device):
    table = Columns([Gaussian(0.5), Categorical(3), Poisson()], [[3, 0], [2], [1]]).to(device)
    table.bind([4])
    return table


def test_columns_add_up(table, device):
    params = torch.randn(5, 6, device=device)
    x = table(params).sample()
    groups = zip(table.likelihoods, params.split([2, 3, 1], -1), ([3, 0], [2], [1]))
    expected = sum(part.loss(piece, x[:, columns]) for part, piece, columns in groups)
    torch.testing.assert_close(table.loss(params, x), expected)
    assert table.support == ("real", "count", "categorical:3", "real")


def test_columns_leave_out_single_cells(table, device):
    params = torch.randn(1, 6, device=device)
    x = table(params).sample()
    parts = [table.loss(params, x, torch.eye(4, device=device)[i : i + 1] == 1) for i in range(4)]
    torch.testing.assert_close(sum(parts), table.loss(params, x))


def test_columns_name_the_column_that_is_wrong(table, device):
    x = torch.zeros(2, 4, device=device)
    x[1, 2] = 3
    with pytest.raises(DataError, match=r"Columns: 3 in row 1, column 2 is not categorical:3"):
        table.check(x)
    with pytest.raises(RecipeError, match=r"rows of 4 columns, the data's have shape \(5,\)"):
        components.build(components.describe(table)).bind([5])


def test_averages_over_codes(table, device):
    weights = torch.tensor([[0.25], [0.75]], device=device)
    params = torch.tensor([[[0.0, 4.0, 9.0, 0.0, 0.0, 1.0]], [[8.0, 0.0, 0.0, 1.0, 0.0, 2.0]]], device=device)
    found = averaged(table(params), weights)
    rates = 0.25 * Poisson([1])(params[0, :, 5:]).mean + 0.75 * Poisson([1])(params[1, :, 5:]).mean
    expected = torch.tensor([[1.0, rates.item(), 1.0, 6.0]], device=device)
    torch.testing.assert_close(found, expected)
    # averaging most probable classes, or logits, would say 0
    assert Categorical(3, [1]).mean(params[0, 0, 2:5]).item() == 0


def test_averages_of_distributions_without_a_mean():
    class Meanless(dist.Normal):
        @property
        def mean(self):
            raise NotImplementedError

    made = Meanless(torch.tensor([[0.0], [4.0]]), 0.01)
    assert averaged(made, torch.tensor([[0.5], [0.5]])).item() == pytest.approx(2.0, abs=0.01)
