"""What every registered likelihood promises; a new one is listed in EXAMPLES and inherits all of it."""

import pytest
import torch
from scipy.stats import norm
from torch.func import functional_call

from genlatent import components, registry
from genlatent.distributions.missing import split
from genlatent.distributions.supports import filler, names
from genlatent.errors import DataError, RecipeError
from genlatent.training.graph import traced
from tests.quadrature import cells

# name -> constructor arguments; cells stand alone, and any event shape will do
EXAMPLES = {
    "bernoulli": [{}],
    "continuous-bernoulli": [{}],
    "beta": [{}],
    "discretised-logistics": [{"levels": 17, "components": 3}],
    "gaussian": [{}, {"scale": "learned"}, {"scale": "per-output"}, {"scale": "optimal"}],
    "laplace": [{}, {"scale": "learned"}],
    "student-t": [{}, {"df": "learned", "scale": "per-output"}],
    "poisson": [{}],
    "negative-binomial": [{}, {"dispersion": "learned"}],
    "zero-inflated": [{}, {"likelihood": {"name": "negative-binomial"}}],
    "categorical": [{"classes": 4}],
}
TABLE = {
    "name": "columns",
    "likelihoods": ["gaussian", {"name": "categorical", "classes": 3}, "beta", "zero-inflated"],
    "columns": [[3, 0], [2], [5], [1, 4]],
}
# cells that belong together, and the event shape that goes with them
TIED = [({"name": "discretised-logistics", "levels": 9, "components": 2}, (3, 2, 1)), (TABLE, (6,))]

SPECS = [{"name": name, **arguments} for name, variants in EXAMPLES.items() for arguments in variants]
ALONE = [(spec, (2, 3)) for spec in SPECS]
OUTSIDE = {"binary": 0.5, "unit": 1.5, "open-unit": 1.0, "real": torch.inf, "count": 1.5, "levels": 0.03}
NUM_DRAWS, FALSE_ALARM = 20_000, 1e-6


def titled(example):
    spec = example[0] if isinstance(example, tuple) else example
    return " ".join(str(value) for value in spec.values())[:60]


def made(spec, shape, device):
    likelihood = components.build(spec, "likelihood").double()
    likelihood.bind(shape)
    return likelihood.to(device).eval()


@pytest.fixture(params=SPECS, ids=titled)
def cell(request, device):
    """A likelihood of one cell."""
    return made(request.param, [1], device)


@pytest.fixture(params=ALONE, ids=titled)
def alone(request, device):
    return made(*request.param, device)


@pytest.fixture(params=[*ALONE, *TIED], ids=titled)
def likelihood(request, device):
    return made(*request.param, device)


def some_params(likelihood, *batch, device):
    params = torch.randn(*batch, likelihood.num_params(likelihood.event_shape), dtype=torch.float64, device=device)
    if likelihood.support == "open-unit":  # away from densities that are infinite at the ends
        params[..., : params.shape[-1] // 2] /= 2
        params[..., params.shape[-1] // 2 :] += 3
    return params


def test_every_registered_likelihood_is_listed():
    assert set(registry.KINDS["likelihood"]) == {*EXAMPLES, "columns"}


def test_the_density_of_one_cell_sums_to_one_and_has_the_mean(cell, device):
    points, weights = cells(cell.support, device)
    for params in some_params(cell, 5, device=device):
        density = cell(params).log_prob(points[:, None]).exp() * weights
        assert density.sum().item() == pytest.approx(1.0, abs=1e-5)
        assert (density * points).sum().item() == pytest.approx(cell(params).mean.item(), rel=1e-4, abs=1e-4)


def test_draws_have_the_densitys_first_and_second_moment(cell, device):
    points, weights = cells(cell.support, device)
    params = some_params(cell, device=device)
    draws = cell(params).sample((NUM_DRAWS,))
    density = cell(params).log_prob(points[:, None]).exp() * weights
    for power in (1, 2):
        found, expected = draws[:, 0] ** power, (density * points**power).sum()
        bound = norm.isf(FALSE_ALARM / 2) * found.std() / NUM_DRAWS**0.5
        assert (found.mean() - expected).abs() < bound
    cell.check(draws)


def test_shapes_for_any_number_of_batch_dimensions(likelihood, device):
    event = likelihood.event_shape
    for batch in ((), (4,), (2, 4)):
        params = some_params(likelihood, *batch, device=device)
        distribution = likelihood(params)
        assert (distribution.batch_shape, distribution.event_shape) == (batch, event)
        assert likelihood.mean(params).shape == distribution.mean.shape == (*batch, *event)
        assert likelihood.loss(params, distribution.sample()).shape == batch
        assert likelihood(params).expand([5, *batch]).sample().shape == (5, *batch, *event)
        assert distribution.sample((7,)).dtype == torch.float64


def test_draws_lie_in_the_support(likelihood, device):
    likelihood.check(likelihood(some_params(likelihood, 50, device=device)).sample())


def test_gradients_reach_every_parameter(likelihood, device):
    params = some_params(likelihood, 40, device=device).requires_grad_()
    x = likelihood(params.detach()).sample()
    likelihood.loss(params, x).sum().backward()
    assert (params.grad.abs().sum(0) > 0).all()
    for tensor in likelihood.parameters():
        assert tensor.grad is not None
        assert (tensor.grad != 0).all()


def test_missing_cells_are_left_out_one_by_one(alone, device):
    params = some_params(alone, 4, device=device).requires_grad_()
    x = alone(params.detach()).sample()
    parts = []
    for i in range(6):
        observed = torch.zeros(4, 6, dtype=torch.bool, device=device)
        observed[:, i] = True
        parts.append(alone.loss(params, x, observed.reshape(4, 2, 3)))
        (gradient,) = torch.autograd.grad(parts[-1].sum(), params)
        touched = gradient.reshape(4, -1, 6).any(1)
        assert touched[:, i].all()
        assert touched.sum() == 4, "parameters of other cells"
    torch.testing.assert_close(sum(parts), alone.loss(params, x))


def test_a_row_without_any_value_costs_nothing(likelihood, device):
    params = some_params(likelihood, 3, device=device).requires_grad_()
    x = likelihood(params.detach()).sample()
    x[1] = torch.nan
    filled, observed = split(x, likelihood.support)
    loss = likelihood.loss(params, filled, observed)
    assert loss[1] == 0
    torch.testing.assert_close(loss[[0, 2]], likelihood.loss(params, filled)[[0, 2]])
    loss.sum().backward()
    assert params.grad.isfinite().all()
    assert (params.grad[1] == 0).all()


def test_data_outside_the_support_are_refused_by_name(likelihood, device):
    x = torch.tensor(filler(likelihood.support), device=device).expand(3, likelihood.event_shape.numel()).clone()
    likelihood.check(torch.where(x == 0.5, 0.5, 0.0).reshape(3, *likelihood.event_shape))
    kind, _, number = names(likelihood.support)[-1].partition(":")
    x[1, -1] = OUTSIDE.get(kind, float(number or 0))
    with pytest.raises(DataError, match=rf"{type(likelihood).__name__}.*row 1, column {x.shape[1] - 1}"):
        likelihood.check(x.reshape(3, *likelihood.event_shape))


def test_start_parameters_have_that_mean(likelihood, device):
    mean = torch.linspace(0.2, 0.9, likelihood.event_shape.numel(), dtype=torch.float64, device=device)
    params = likelihood.params_at(mean.reshape(likelihood.event_shape))
    if params is None:
        assert str(likelihood.support).startswith("categorical"), "only classes have no mean"
    else:
        known = [not name.startswith("categorical") for name in names(likelihood.support)]
        found = likelihood.mean(params).flatten()
        known = torch.tensor(known if len(known) > 1 else known * len(found))
        torch.testing.assert_close(found[known], mean[known], atol=1e-3, rtol=0)


def test_round_trip_through_plain_values(likelihood):
    rebuilt = components.build(components.describe(likelihood))
    assert components.describe(rebuilt) == components.describe(likelihood)
    assert {n: p.shape for n, p in rebuilt.named_parameters()} == {n: p.shape for n, p in likelihood.named_parameters()}
    assert rebuilt.num_params(rebuilt.event_shape) == likelihood.num_params(likelihood.event_shape)


class Program(torch.nn.Module):
    def __init__(self, likelihood):
        super().__init__()
        self.likelihood = likelihood

    def forward(self, params, x):
        return self.likelihood.loss(params, x)


@pytest.mark.parametrize("training", [False, True], ids=["at rest", "training"])
def test_traced_it_gives_the_same_numbers(likelihood, device, training):
    program = Program(likelihood.train(training))
    own = {name: p.detach() for name, p in program.named_parameters()}
    params = some_params(likelihood, 4, device=device)
    x = likelihood(params).sample()

    def gradients(x, *tensors):
        leaves = [tensor.detach().requires_grad_() for tensor in tensors]
        with torch.enable_grad():
            loss = functional_call(program, dict(zip(own, leaves[1:])), (leaves[0], x))
        return [loss.detach(), *torch.autograd.grad(loss.sum(), leaves)]

    inputs = [x, params, *own.values()]
    found = traced(gradients, inputs)(*inputs)
    expected = gradients(*inputs)
    for one, other in zip(found, expected):
        assert torch.equal(one, other)


def test_binding_to_another_shape_is_refused(likelihood):
    likelihood.bind(likelihood.event_shape)
    with pytest.raises(RecipeError, match=r", not \(4,\)|have shape \(4,\)"):
        likelihood.bind([4])
