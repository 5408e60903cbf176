"""What the divergence costs: each formula by hand, and that training obeys it."""

import copy

import pyro.distributions as dist
import pytest
import torch

from genlatent import BetaVAE, fit, load_data
from genlatent.components import build, describe
from genlatent.errors import RecipeError
from genlatent.latent.vae import VAE
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch
from genlatent.objectives.costs import Capacity, Constraint, FreeBits
from genlatent.objectives.dimensions import kl_by_dimension
from genlatent.objectives.elbo import ELBO
from genlatent.objectives.pyro_terms import terms
from genlatent.training.optimizer import Optimizer

BATCH, LATENT = 16, 4


@pytest.fixture
def x(device):
    return (torch.rand(BATCH, 1, 4, 4, device=device) < 0.3).float()


@pytest.fixture
def model(device):
    return VAE((1, 4, 4), LATENT, encoder=MLP((8,)), decoder=MLP((8,))).to(device)


def divergences(model, x):
    """KL of each row and dimension, by hand."""
    mean, log_variance = model.encoder(x).chunk(2, -1)
    return -0.5 * (1 + log_variance - mean**2 - log_variance.exp())


def paid(objective, model, x, progress=1.0):
    """What the objective adds to the reconstruction, and its gradient."""
    torch.manual_seed(1)
    loss = objective(model, Batch(x, None, progress), {})
    cost = loss.value - loss.metrics["reconstruction"]
    return cost, torch.autograd.grad(loss.value, list(model.encoder.parameters()))


def assert_pays(objective, model, x, cost, progress=1.0):
    """The objective's value is reconstruction plus `cost`, and its gradient theirs."""
    torch.manual_seed(1)
    reconstruction = terms(model, x).reconstruction.mean()
    expected = torch.autograd.grad(reconstruction + cost, list(model.encoder.parameters()))
    found, gradients = paid(objective, model, x, progress)
    torch.testing.assert_close(found, cost.detach(), rtol=1e-4, atol=1e-4)
    for a, b in zip(gradients, expected):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


def test_free_bits_of_each_dimension(model, x):
    kl = divergences(model, x).mean(0)
    floor = float(kl.detach().median())
    assert_pays(ELBO(cost=FreeBits(floor)), model, x, kl.clamp(min=floor).sum())


@pytest.mark.parametrize("group", [2, None])
def test_free_bits_of_groups(group, model, x):
    kl = divergences(model, x).mean(0).unflatten(0, (-1, group or LATENT)).sum(-1)
    floor = float(kl.detach().mean()) - 1e-3
    assert_pays(ELBO(cost=FreeBits(floor, group)), model, x, kl.clamp(min=floor).sum())


def test_free_bits_below_the_floor_have_no_gradient(model, x):
    cost = FreeBits(1e3)(terms(model, x), {}, 1.0)
    assert torch.equal(cost, torch.full_like(cost, LATENT * 1e3))


@pytest.mark.parametrize(("progress", "capacity"), [(0.0, 0.0), (0.25, 1.0), (0.5, 2.0), (0.9, 2.0)])
def test_capacity_rises(progress, capacity, model, x):
    kl = divergences(model, x).sum(-1).mean()
    objective = ELBO(cost=Capacity(2.0, gamma=7.0, rise=0.5))
    assert_pays(objective, model, x, 7 * (kl - capacity).abs(), progress)
    assert float(objective(model, Batch(x, None, progress), {}).metrics["capacity"]) == capacity


def test_capacity_counts_from_both_sides(model, x):
    for share in (0.5, 2.0):
        kl = divergences(model, x).sum(-1).mean()
        nats = share * float(kl.detach())
        assert_pays(ELBO(cost=Capacity(nats, rise=0)), model, x, 30 * (kl - nats).abs())


def test_the_multiplier_climbs_what_the_weights_descend(model, x):
    kl = divergences(model, x).sum(-1).mean()
    cost = Constraint(2.0, margin=0.0, rate=3.0).to(x.device)
    with torch.no_grad():
        cost.u.fill_(0.5)
    assert_pays(ELBO(cost=cost), model, x, cost.multiplier().detach() * (kl - 2.0))
    (slope,) = torch.autograd.grad(ELBO(cost=cost)(model, Batch(x), {}).value, [cost.u])
    torch.testing.assert_close(slope, -3 * cost.multiplier().detach() * (kl.detach() - 2.0))


def test_costs_are_weighted_too(model, x):
    kl = divergences(model, x).mean(0)
    objective = ELBO(beta=2.0, warmup=0.5, cycles=2, cost=FreeBits(0.0))
    assert_pays(objective, model, x, 2 * 0.5 * kl.sum(), 0.5 + 0.125)


@pytest.mark.parametrize("analytic", [True, False])
def test_dimensions_sum_to_the_whole(analytic, model, x):
    t = terms(model, x, particles=3)
    (parts,), (whole,) = kl_by_dimension(t, analytic).values(), t.kl(analytic).values()
    assert parts.shape[-1] == LATENT
    torch.testing.assert_close(parts.sum(-1), whole)


def test_each_dimension_by_hand(model, x):
    (parts,) = kl_by_dimension(terms(model, x)).values()
    torch.testing.assert_close(parts[0], divergences(model, x))


def test_what_does_not_factorise_is_one_dimension(x, device):
    prior = dist.MultivariateNormal(torch.zeros(LATENT), torch.eye(LATENT))
    model = VAE((1, 4, 4), LATENT, prior=prior, encoder=MLP((8,)), decoder=MLP((8,))).to(device)
    (parts,) = kl_by_dimension(terms(model, x)).values()
    assert parts.shape == (1, BATCH, 1)


@pytest.mark.parametrize("cost", [FreeBits(0.3, group=None), Capacity(3.0), Constraint(3.0, rate=2.0)])
def test_costs_are_plain_values(cost, device):
    again = build(describe(BetaVAE((1, 4, 4), LATENT, cost=copy.deepcopy(cost))), "model")
    assert repr(again.cost) == repr(cost)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FreeBits(-1.0), "nats must not be negative"),
        (lambda: FreeBits(group=0), "group must be at least 1"),
        (lambda: Capacity(gamma=-1.0), "nats and gamma"),
        (lambda: Capacity(rise=2.0), "rise is a fraction"),
        (lambda: Constraint(0.0), "nats must be positive"),
        (lambda: Constraint(margin=1.0), "margin must be"),
        (lambda: BetaVAE((1, 4, 4), cycles=0), "cycles"),
    ],
)
def test_impossible_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_groups_that_do_not_fit_are_refused(model, x):
    with pytest.raises(RecipeError, match="groups of 3 do not fit 4"):
        ELBO(cost=FreeBits(group=3))(model, Batch(x), {})


@pytest.fixture(scope="module")
def digits(device):
    return load_data("digits", binarise="threshold").to(device)


def trained(cost, digits, device, epochs=40):
    model = BetaVAE((1, 8, 8), 8, encoder=MLP((64,)), decoder=MLP((64,)), beta=1.0, cost=cost).to(device)
    optimizer = Optimizer(learning_rate=2e-3, schedule="linear")
    return fit(model, digits, epochs=epochs, batch_size=100, optimizer=optimizer, validate_every=epochs)


def test_capacity_is_held(digits, device):
    history = trained(Capacity(6.0), digits, device)
    assert history.column("kl")[-1] == pytest.approx(6.0, rel=0.05)
    assert history.column("valid/kl")[-1] == pytest.approx(6.0, rel=0.05)


def test_the_constraint_is_held(digits, device):
    history = trained(Constraint(4.0), digits, device)
    assert 0.85 * 4.0 < history.column("kl")[-1] < 4.0
    assert history.column("valid/kl")[-1] < 4.0
    assert history.column("multiplier")[-1] > 1.0
