"""The contract of every registered likelihood, and what each one is in particular."""

import copy
import itertools

import pyro.distributions as dist
import pytest
import torch
from scipy.stats import norm
from torch.nn.functional import softplus

from genlatent import components, registry
from genlatent.distributions.base import Likelihood
from genlatent.distributions.likelihoods import Bernoulli, ContinuousBernoulli, Gaussian
from genlatent.distributions.missing import masked, split
from genlatent.errors import DataError, RecipeError


class Poisson(Likelihood):
    support = "count"

    def forward(self, params):
        return dist.Poisson(softplus(params.unflatten(-1, self.event_shape))).to_event(len(self.event_shape))


SPECS = [
    *registry.KINDS["likelihood"],
    {"name": "gaussian", "scale": "learned"},
    {"name": "gaussian", "scale": "per-output"},
]
OUTSIDE = {"binary": 0.5, "unit": 1.5, "real": torch.inf, "count": 1.5, "categorical": -1.0, "spin": 0.0}
NUM_DRAWS, FALSE_ALARM = 20_000, 1e-6


def made(spec):
    return Poisson() if spec == "poisson" else components.build(spec, "likelihood")


@pytest.fixture(params=[*SPECS, "poisson"], ids=str)
def likelihood(request, device):
    return made(request.param).to(device)


def values(support, device):
    """Points of the support, and the weight of each in a sum or an integral."""
    if support == "binary":
        points = torch.tensor([0.0, 1.0])
        weights = torch.ones(2)
    elif support == "count":
        points = torch.arange(200.0)
        weights = torch.ones(200)
    else:
        low, high = (0.0, 1.0) if support == "unit" else (-40.0, 40.0)
        points = torch.linspace(low, high, 20_001, dtype=torch.float64)
        weights = torch.full_like(points, (high - low) / 20_000)
        weights[[0, -1]] /= 2
    return points.double().to(device), weights.double().to(device)


def some_params(likelihood, shape, *batch, device):
    return torch.randn(*batch, likelihood.num_params(torch.Size(shape)), dtype=torch.float64, device=device)


def test_the_density_of_one_cell_sums_to_one(likelihood, device):
    likelihood.double().bind([1])
    points, weights = values(likelihood.support, device)
    for params in some_params(likelihood, [1], 5, device=device):
        density = likelihood(params).log_prob(points[:, None]).exp()
        assert (density * weights).sum().item() == pytest.approx(1.0, abs=1e-6)


def test_shapes_for_any_number_of_batch_dimensions(likelihood, device):
    likelihood.double().bind([2, 3])
    for batch in ((), (4,), (2, 4)):
        params = some_params(likelihood, [2, 3], *batch, device=device)
        distribution = likelihood(params)
        assert (distribution.batch_shape, distribution.event_shape) == (batch, (2, 3))
        assert likelihood.mean(params).shape == (*batch, 2, 3)
        assert likelihood.loss(params, distribution.sample()).shape == batch


def test_cells_are_independent_and_in_order(likelihood, device):
    likelihood.double().bind([3])
    params = some_params(likelihood, [3], device=device)
    x = likelihood(params).sample()
    one = copy.deepcopy(likelihood)
    one.event_shape = torch.Size([1])
    cells = params.reshape(-1, 3).T
    alone = one(cells).log_prob(x[:, None]).sum()
    torch.testing.assert_close(likelihood(params).log_prob(x), alone)


def test_draws_have_the_mean(likelihood, device):
    likelihood.double().bind([2])
    params = some_params(likelihood, [2], device=device)
    draws = likelihood(params).sample((NUM_DRAWS,))
    bound = norm.isf(FALSE_ALARM / 2) * draws.std(0) / NUM_DRAWS**0.5
    assert ((draws.mean(0) - likelihood.mean(params)).abs() < bound).all()


def test_gradients_reach_every_parameter(likelihood, device):
    likelihood.double().bind([2])
    params = some_params(likelihood, [2], 4, device=device).requires_grad_()
    x = likelihood(params.detach()).sample()
    likelihood.loss(params, x).sum().backward()
    for tensor in (params, *likelihood.parameters()):
        assert tensor.grad is not None
        assert (tensor.grad != 0).all()


def test_data_outside_the_support_is_refused_by_name(likelihood, device):
    likelihood.bind([2])
    x = torch.zeros(3, 2, device=device)
    likelihood.check(x)
    x[1, 1] = OUTSIDE[likelihood.support]
    with pytest.raises(DataError, match=rf"{type(likelihood).__name__}.*row 1, column 1"):
        likelihood.check(x)


def test_missing_cells_are_left_out(likelihood, device):
    likelihood.double().bind([2, 2])
    params = some_params(likelihood, [2, 2], 5, device=device).requires_grad_()
    x = likelihood(params.detach()).sample()
    x[0, 0, 1] = x[3] = torch.nan
    filled, observed = split(x, likelihood.support)
    loss = likelihood.loss(params, filled, observed)
    by_cell = torch.stack([_cell_loss(likelihood, params, filled, i) for i in range(4)], -1)
    torch.testing.assert_close(loss, (by_cell * observed.flatten(1)).sum(-1))
    assert loss[3] == 0
    loss.sum().backward()
    assert params.grad.isfinite().all()
    assert (params.grad[3] == 0).all()


def _cell_loss(likelihood, params, x, i):
    one = copy.deepcopy(likelihood)
    one.event_shape = torch.Size([1])
    return one.loss(params.unflatten(-1, (-1, 4))[..., i], x.flatten(1)[:, i : i + 1])


def test_start_parameters_have_that_mean(likelihood, device):
    likelihood.double().bind([3])
    mean = torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64, device=device)
    params = likelihood.params_at(mean)
    if params is not None:
        torch.testing.assert_close(likelihood.mean(params), mean, atol=1e-3, rtol=0)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_round_trip_through_plain_values(spec):
    likelihood = made(spec)
    likelihood.bind([2, 3])
    rebuilt = components.build(components.describe(likelihood))
    assert components.describe(rebuilt) == components.describe(likelihood)
    assert {n: p.shape for n, p in rebuilt.named_parameters()} == {n: p.shape for n, p in likelihood.named_parameters()}


def test_binding_to_another_shape_is_refused():
    likelihood = Bernoulli([3])
    likelihood.bind([3])
    with pytest.raises(RecipeError, match=r"\(3,\), not \(4,\)"):
        likelihood.bind([4])


def test_bernoulli_by_enumeration():
    likelihood = Bernoulli([3]).double()
    logits = torch.tensor([0.3, -1.2, 2.0], dtype=torch.float64)
    states = torch.tensor(list(itertools.product([0.0, 1.0], repeat=3)), dtype=torch.float64)
    probability = likelihood(logits).log_prob(states).exp()
    assert probability.sum() == pytest.approx(1.0, abs=1e-12)
    torch.testing.assert_close(probability @ states, likelihood.mean(logits))


def test_grey_pixels_under_bernoulli_are_told_what_to_do():
    with pytest.raises(DataError, match="binarise the data, or use ContinuousBernoulli"):
        Bernoulli([2]).check(torch.tensor([[0.0, 0.5]]))


def test_continuous_bernoulli_mean_in_closed_form():
    eta = torch.tensor([-6.0, -1.0, 1.5, 4.0], dtype=torch.float64)
    likelihood = ContinuousBernoulli([4]).double()
    expected = 1 / (1 - torch.exp(-eta)) - 1 / eta
    torch.testing.assert_close(likelihood.mean(eta), expected)
    torch.testing.assert_close(likelihood.params_at(expected), eta, atol=1e-6, rtol=0)


def test_gaussian_scales():
    x, params = torch.tensor([[1.0, -2.0]]), torch.tensor([[0.0, 1.0]])
    expected = -norm.logpdf([1.0, -2.0], [0.0, 1.0], 2.0).sum()
    assert Gaussian(2.0, event_shape=(2,)).loss(params, x).item() == pytest.approx(expected, rel=1e-6)
    learned = Gaussian("learned", event_shape=(2,))
    torch.nn.init.constant_(learned.log_scale, torch.tensor(2.0).log().item())
    assert learned.loss(params, x).item() == pytest.approx(expected, rel=1e-6)


def test_gaussian_per_output_starts_at_scale_one_and_keeps_its_floor():
    likelihood = Gaussian("per-output", floor=0.01, event_shape=(1,))
    assert likelihood.loc_and_scale(torch.zeros(2))[1].item() == pytest.approx(1.01)
    assert likelihood.loc_and_scale(torch.full((2,), -1e4))[1].item() == pytest.approx(0.01)


@pytest.mark.parametrize("scale", [0.0, -1.0, "other"])
def test_impossible_scales_are_refused(scale):
    with pytest.raises(ValueError, match="scale must be a positive number"):
        Gaussian(scale)


def test_cells_that_are_tied_together_cannot_be_masked():
    tied = dist.MultivariateNormal(torch.zeros(2), torch.eye(2))
    with pytest.raises(RecipeError, match="MultivariateNormal ties the cells"):
        masked(tied, torch.tensor([True, False]))


def test_a_cell_of_several_values_is_observed_where_all_of_them_are():
    pixels = dist.OneHotCategorical(torch.ones(2, 3)).to_event(1)
    x = torch.eye(3)[:2]
    observed = torch.ones(2, 3, dtype=torch.bool)
    observed[1, 2] = False
    assert masked(pixels, observed).log_prob(x).item() == pytest.approx(torch.tensor(1 / 3).log().item())
