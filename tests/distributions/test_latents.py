"""What every registered prior and posterior promises; a new one is listed in pairs.py and inherits all of it."""

import copy
import itertools

import pytest
import torch
from scipy.stats import norm
from torch.distributions import kl_divergence
from torch.func import functional_call

from genlatent import components
from genlatent.distributions.adapters import check_pair, check_prior, values_of
from genlatent.errors import RecipeError
from genlatent.training.graph import traced
from tests.distributions import pairs
from tests.quadrature import events

NUM_DRAWS, FALSE_ALARM = 20_000, 1e-6
PRIORS = pairs.listed("prior", pairs.PRIORS)
POSTERIORS = pairs.listed("posterior", pairs.POSTERIORS)
BOTH = [("prior", example) for example in PRIORS] + [("posterior", example) for example in POSTERIORS]


def titled(kind_and_example):
    return f"{kind_and_example[0]} {pairs.titled(kind_and_example[1])}"


@pytest.fixture(params=BOTH, ids=titled)
def made(request, device):
    kind, example = request.param
    return getattr(pairs, kind)(example, device)


@pytest.fixture(params=POSTERIORS, ids=pairs.titled)
def posterior(request, device):
    return pairs.posterior(request.param, device)


def distribution_of(made, device):
    """Its distribution of one z."""
    if hasattr(made, "attach"):
        return made()
    return made(pairs.outputs(made, device=device))


def test_the_density_sums_to_one_and_draws_have_its_moments(made, device):
    distribution = distribution_of(made, device)
    points, weights = events(distribution, device)
    density = distribution.log_prob(points).detach().exp() * weights
    assert density.sum().item() == pytest.approx(1.0, abs=3e-3)
    draws = distribution.sample((NUM_DRAWS,))
    for power in (1, 2):
        found, expected = draws**power, density @ points**power
        bound = norm.isf(FALSE_ALARM / 2) * found.std(0) / NUM_DRAWS**0.5
        assert ((found.mean(0) - expected).abs() < bound + 1e-3 * expected.abs()).all()


def test_one_distribution_for_each_row(posterior, device):
    for batch in ((), (4,), (2, 4)):
        distribution = posterior(pairs.outputs(posterior, *batch, device=device))
        assert (distribution.batch_shape, distribution.event_shape) == (batch, posterior.event_shape)
        assert distribution.expand([5, *batch]).sample().shape == (5, *batch, *posterior.event_shape)
        z = distribution.sample()
        assert distribution.log_prob(z).shape == batch
        assert distribution.log_prob(z).isfinite().all()


def test_gradients_reach_every_parameter(made, device):
    if hasattr(made, "attach"):
        value = made().log_prob(made().sample((50,))).sum()
        assert value.requires_grad == bool(list(made.parameters()))
        if value.requires_grad:
            value.backward()
    else:
        leaf = pairs.outputs(made, 50, device=device).requires_grad_()
        distribution = made(leaf)
        z = distribution.rsample() if distribution.has_rsample else distribution.sample()
        (distribution.log_prob(z).sum() + z.square().sum()).backward()
        assert (leaf.grad.abs().sum(0) > 0).all()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def test_round_trip_through_plain_values(made):
    rebuilt = components.build(components.describe(made))
    if hasattr(made, "attach"):
        rebuilt.attach(lambda x: x, torch.Size([5]), "real")
    assert components.describe(rebuilt) == components.describe(made)
    assert {n: p.shape for n, p in rebuilt.named_parameters()} == {n: p.shape for n, p in made.named_parameters()}


def test_after_use_it_can_still_be_copied_and_moved(made, device):
    distribution = distribution_of(made, device)
    distribution.log_prob(distribution.sample((3,)))
    copied = dict(copy.deepcopy(made).float().named_parameters())
    assert all(torch.equal(copied[name], parameter.float()) for name, parameter in made.named_parameters())


class Program(torch.nn.Module):
    """A draw and its log density, as an objective uses them."""

    def __init__(self, made):
        super().__init__()
        self.made = made

    def forward(self, *params):
        distribution = self.made(*params).expand([6] if not params else [6, *params[0].shape[:-1]])
        z = distribution.rsample() if distribution.has_rsample else distribution.sample()
        return z, distribution.log_prob(z).sum() + z.square().sum()


def test_traced_it_gives_the_same_numbers(made, device):
    program = Program(made)
    own = {name: parameter.detach() for name, parameter in program.named_parameters()}
    params = [] if hasattr(made, "attach") else [pairs.outputs(made, 4, device=device)]

    def gradients(*tensors):
        leaves = [tensor.detach().requires_grad_() for tensor in tensors]
        with torch.enable_grad():
            z, value = functional_call(program, dict(zip(own, leaves[len(params) :])), tuple(leaves[: len(params)]))
            wanted = torch.autograd.grad(value, leaves, allow_unused=True) if leaves else ()
        return [z.detach(), value.detach(), *(g for g in wanted if g is not None)]

    inputs = [*params, *own.values()] or [torch.zeros(1, dtype=torch.float64, device=device)]
    graph = traced(lambda *tensors: gradients(*tensors[: len(params) + len(own)]), inputs)
    torch.manual_seed(3)
    expected = gradients(*inputs[: len(params) + len(own)])
    torch.manual_seed(3)
    for one, other in zip(graph(*inputs), expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


CLOSED = {
    ("diagonal-normal", "standard-normal"),
    ("diagonal-normal", "laplace"),
    ("low-rank-normal", "standard-normal"),
    ("full-normal", "standard-normal"),
    ("laplace", "laplace"),
    ("laplace", "standard-normal"),
    ("logistic-normal", "logistic-normal"),
    ("dirichlet", "dirichlet"),
    ("bernoulli", "bernoulli"),
    ("categorical", "categorical"),
}


def test_every_divergence_in_closed_form_is_the_mean_of_the_log_ratio(device):
    """Every pair of ours that fits together; those without a closed form say so, and are drawn."""
    closed = set()
    for one, other in itertools.product(POSTERIORS, PRIORS):
        guess, known = pairs.posterior(one, device), pairs.prior(other, device)
        q, p = distribution_of(guess, device), known()
        if (values_of(q), q.event_shape) != (values_of(p), p.event_shape):
            continue
        try:
            exact = kl_divergence(q, p)
        except NotImplementedError:
            continue
        closed.add((one[0]["name"], other[0]["name"]))
        z = q.sample((NUM_DRAWS,))
        ratio = (q.log_prob(z) - p.log_prob(z)).detach()
        bound = norm.isf(FALSE_ALARM / 2) * ratio.std() / NUM_DRAWS**0.5
        assert (ratio.mean() - exact).abs() < bound, (one, other)
    assert closed == CLOSED


def test_pairs_that_do_not_fit_are_refused_by_name(device):
    fitting = 0
    for one, other in itertools.product(POSTERIORS, PRIORS):
        guess, known = pairs.posterior(one, device).cpu().float(), pairs.prior(other, device).cpu().float()
        check_prior(known)
        if known.from_encoder or values_of(distribution_of(guess.double(), "cpu")) == values_of(known()):
            check_pair(known, guess.float())
            fitting += 1
        else:
            with pytest.raises(RecipeError, match=rf"posterior {type(guess).__name__} draws .*{type(known).__name__}"):
                check_pair(known, guess.float())
    real, shares, bits, relaxed_bits, one_hot, any_with_vamp = 6 * 7, 3 * 3, 1 * 2, 1, 2, 13
    assert fitting == real + shares + bits + relaxed_bits + one_hot + any_with_vamp
