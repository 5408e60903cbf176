"""A user's own prior: a module, a distribution, a callable."""

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import nn

from genlatent import components
from genlatent.distributions.adapters import CallablePrior, FixedPrior, as_prior, check_prior
from genlatent.distributions.base import Likelihood, Prior
from genlatent.distributions.priors import StandardNormal
from genlatent.errors import RecipeError
from genlatent.latent.vae import VAE


class Mixture(Prior):
    def bind(self, event_shape):
        super().bind(event_shape)
        self.loc = nn.Parameter(torch.randn(4, *self.event_shape))

    def forward(self):
        parts = dist.Normal(self.loc, 1.0).to_event(1)
        return dist.MixtureSameFamily(dist.Categorical(self.loc.new_ones(4)), parts)


def student() -> dist.StudentT:
    return dist.StudentT(5.0, 0.0, 1.0)


def bound(thing, shape=(3,)):
    prior = as_prior(thing)
    prior.bind(shape)
    check_prior(prior)
    return prior


@pytest.mark.parametrize(
    "thing",
    [
        StandardNormal(),
        Mixture(),
        dist.Laplace(0.0, 1.0),
        dist.Normal(torch.zeros(3), torch.ones(3)),
        dist.Normal(torch.zeros(3), torch.ones(3)).to_event(1),
        dist.MultivariateNormal(torch.zeros(3), torch.eye(3)),
        student,
        lambda: dist.Normal(torch.zeros(3), 1.0).to_event(1),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_anything_that_gives_a_distribution_is_a_prior(thing):
    distribution = bound(thing)()
    assert (distribution.batch_shape, distribution.event_shape) == ((), (3,))
    assert distribution.expand([5]).sample().shape == (5, 3)


def test_standard_normal_density(device):
    z = torch.randn(7, 3, device=device)
    prior = bound(StandardNormal()).to(device)
    expected = dist.MultivariateNormal(z.new_zeros(3), torch.eye(3, device=device)).log_prob(z)
    torch.testing.assert_close(prior().log_prob(z), expected)


def test_a_matrix_of_latents():
    assert bound(dist.Laplace(0.0, 1.0), (2, 3))().event_shape == (2, 3)


@pytest.mark.parametrize(
    "thing", [dist.Normal(torch.zeros(4), 1.0), lambda: dist.Normal(torch.zeros(4), 1.0).to_event(1)]
)
def test_a_prior_of_another_shape_is_refused(thing):
    with pytest.raises(RecipeError, match=r"events of shape \(4,\), the latent has shape \(3,\)"):
        bound(thing)


def test_a_prior_whose_dimensions_are_not_an_event_is_told_how():
    class Flat(Prior):
        def forward(self):
            return dist.Normal(torch.zeros(3), 1.0)

    with pytest.raises(RecipeError, match=r"\.to_event"):
        bound(Flat())


@pytest.mark.parametrize("thing", [3, "normal", StandardNormal])
def test_what_is_no_prior_is_refused(thing):
    with pytest.raises(RecipeError, match="a prior is a Prior, a Pyro distribution or a callable"):
        as_prior(thing)


def test_a_callable_must_give_a_pyro_distribution():
    with pytest.raises(RecipeError, match="must give a Pyro distribution, got Tensor"):
        bound(lambda: torch.zeros(3))
    with pytest.raises(RecipeError, match=r"take Normal from pyro\.distributions"):
        bound(torch.distributions.Normal(0.0, 1.0))


def test_a_distribution_with_parameters_would_not_be_trained():
    with pytest.raises(RecipeError, match="would not train"):
        as_prior(dist.Normal(torch.zeros(3, requires_grad=True), 1.0))
    flow = dist.TransformedDistribution(dist.Normal(torch.zeros(3), 1.0), [dist.transforms.Planar(3)])
    with pytest.raises(RecipeError, match="would not train"):
        as_prior(flow)


def test_a_modules_parameters_are_the_models():
    class Learned(nn.Module):
        def __init__(self):
            super().__init__()
            self.loc = nn.Parameter(torch.zeros(3))

        def forward(self):
            return dist.Normal(self.loc, 1.0).to_event(1)

    prior = bound(Learned())
    assert [name for name, _ in prior.named_parameters()] == ["function.loc"]


def test_fixed_tensors_move_with_the_model():
    model = nn.ModuleList([bound(dist.MultivariateNormal(torch.zeros(3), torch.eye(3)))]).double()
    assert model[0]().sample().dtype == torch.float64


def test_the_users_distribution_is_left_as_it_was():
    mine = dist.Normal(torch.zeros(3), torch.ones(3))
    as_prior(mine).double()
    assert mine.loc.dtype == torch.float32


def test_round_trip_of_a_distribution_and_a_function():
    for prior in (bound(dist.Laplace(torch.arange(3.0), 2.0)), bound(student)):
        rebuilt = components.build(components.describe(prior), allow=[__name__])
        assert type(rebuilt) is type(prior)
        z = torch.randn(4, 3)
        torch.testing.assert_close(rebuilt().log_prob(z), prior().log_prob(z))


def test_a_lambda_cannot_be_saved_and_says_so():
    with pytest.raises(components.NotDescribable, match="cannot be imported by that name"):
        components.describe(bound(lambda: dist.Normal(torch.zeros(3), 1.0)))


def test_kinds():
    assert isinstance(as_prior(dist.Laplace(0.0, 1.0)), FixedPrior)
    assert isinstance(as_prior(student), CallablePrior)


def test_checking_leaves_pyros_store_alone():
    before = dict(pyro.get_param_store().items())
    bound(lambda: dist.Normal(pyro.param("loc", torch.zeros(3)), 1.0))
    assert dict(pyro.get_param_store().items()) == before


@pytest.mark.parametrize("prior", [dist.LogNormal(0.0, 1.0), dist.Gamma(2.0, 1.0), dist.Poisson(2.0)])
def test_a_prior_over_other_values_than_the_posterior_draws_is_refused(prior):
    with pytest.raises(RecipeError, match="take one of each"):
        VAE((4,), 2, prior=prior)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda params: dist.Normal(params, 1.0), r"end it with .to_event\(1\)"),
        (lambda params: dist.Normal(params[..., :2], 1.0).to_event(1), r"shape \(2,\)"),
        (lambda params: params, "must give a Pyro distribution"),
    ],
)
def test_a_likelihood_that_gives_no_density_of_a_row_is_refused(made, said):
    class Own(Likelihood):
        support = "real"

        def forward(self, params):
            return made(params)

    with pytest.raises(RecipeError, match=said):
        VAE((4,), 2, likelihood=Own())
