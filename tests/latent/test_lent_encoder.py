"""Priors that are made of the encoder, in models whose encoder is told more than x."""

import pyro.distributions as dist
import pytest
import torch

from genlatent import components
from genlatent.distributions.likelihoods import Gaussian
from genlatent.distributions.priors import VampPrior
from genlatent.errors import RecipeError
from genlatent.latent.conditional import ConditionalVAE
from genlatent.latent.draw import DRAW
from genlatent.latent.ladder import LadderVAE
from genlatent.latent.semi_supervised import SemiSupervisedVAE
from genlatent.latent.stacked import StackedVAE
from genlatent.latent.vae import VAE
from genlatent.networks.conditions import Quadrants, Values
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch
from genlatent.objectives.iwae import IWAE

SHAPE = (1, 4, 4)


def parts():
    return {"latent": 2, "prior": VampPrior(5), "encoder": MLP((6,)), "decoder": MLP((6,))}


MODELS = {
    "classes": (lambda: ConditionalVAE(SHAPE, 3, **parts()), [0, 1, 2, 0, 1]),
    "two labels": (lambda: ConditionalVAE(SHAPE, (2, 2), **parts()), [[0, 0], [0, 1], [1, 0], [1, 1], [0, 0]]),
    "quadrants": (lambda: ConditionalVAE(SHAPE, Quadrants(1), **parts()), None),
    "m2": (lambda: SemiSupervisedVAE(SHAPE, 3, classifier=MLP((6,)), **parts()), [0, 1, 2, 0, 1]),
}


@pytest.fixture(params=MODELS)
def lending(request, device):
    make, told = MODELS[request.param]
    return make().to(device), None if told is None else torch.tensor(told, device=device)


@pytest.fixture
def x(device):
    return (torch.rand(12, *SHAPE, device=device) < 0.4).float()


def y(model, x):
    if isinstance(model.condition, Quadrants):
        return None
    rows = torch.arange(len(x), device=x.device) % 2
    return rows if len(model.condition.counts) == 1 else torch.stack([rows, 1 - rows], 1)


def test_the_prior_is_the_average_posterior_of_pseudo_rows_and_classes(lending, x, device):
    model, told = lending
    model.prepare(x)
    u, z = model.prior.inputs(), torch.randn(7, 2, device=x.device)
    each = model.infer(u, told).log_prob(z[:, None])
    torch.testing.assert_close(
        model.prior().log_prob(z), each.logsumexp(1) - torch.log(torch.tensor(5.0, device=device))
    )


def test_it_learns_samples_and_scores(lending, x):
    model, _ = lending
    for objective in (model.objective(), IWAE(3)):
        parameters = list(model.parameters())
        found = torch.autograd.grad(
            objective(model, Batch(x, y(model, x)), {}).value, parameters, materialize_grads=True
        )
        assert all(gradient.isfinite().all() for gradient in found)
        assert dict(zip((name for name, _ in model.named_parameters()), found))["prior.raw"].any()
    assert model.score(x, y(model, x)).isfinite().all()
    given = {"x": x} if isinstance(model.condition, Quadrants) else None
    assert model.sample(12, given=given).shape == x.shape


def test_round_trip_through_plain_values(lending):
    model, _ = lending
    again = components.build(components.describe(model), "model")
    assert {n: p.shape for n, p in again.named_parameters()} == {n: p.shape for n, p in model.named_parameters()}


def test_upper_models_of_a_stack_and_of_a_ladder_lend_theirs(device):
    second = SemiSupervisedVAE(4, 3, latent=2, prior=VampPrior(3), likelihood=Gaussian("per-output")).to(device)
    assert StackedVAE(VAE(SHAPE, latent=4), second).to(device).sample(5).shape == (5, *SHAPE)
    assert LadderVAE(SHAPE, (4, 2), prior=VampPrior(3)).to(device).sample(5).shape == (5, *SHAPE)


def test_what_cannot_be_lent_is_refused_by_the_constructor(device):
    with pytest.raises(RecipeError, match=r"VampPrior needs q.z . x. of rows alone, and DRAW's depends on the canvas"):
        DRAW(SHAPE, prior=VampPrior(3))
    with pytest.raises(RecipeError, match="VampPrior needs a condition for each pseudo-input, and only labels"):
        ConditionalVAE(SHAPE, Values(2), prior=VampPrior(3))
    with pytest.raises(RecipeError, match="it leaves no place for another prior"):
        ConditionalVAE(SHAPE, 3, prior=VampPrior(3), prior_network=MLP(()))
    assert ConditionalVAE(SHAPE, Values(2), prior=dist.Laplace(0.0, 1.0)).to(device).latent == 20
