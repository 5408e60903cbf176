"""Verbs that answer with one value, where a mean has to be averaged over draws: always the same ones, and nobody's."""

import pyro.distributions as dist
import pytest
import torch

from genlatent.distributions.base import Likelihood
from genlatent.distributions.posteriors import Flow
from genlatent.latent.conditional import ConditionalVAE
from genlatent.latent.draw import DRAW
from genlatent.latent.vae import VAE
from genlatent.networks.mlp import MLP


class Bounded(Likelihood):
    """A density whose mean its distribution does not know."""

    support = "open-unit"

    def forward(self, params):
        base = dist.Uniform(torch.zeros_like(params), 1.0)
        bend = torch.distributions.AffineTransform(0.0, params.sigmoid())
        return dist.TransformedDistribution(base, [bend]).to_event(1)


def networks():
    return {"posterior": Flow(), "likelihood": Bounded(), "encoder": MLP((8,)), "decoder": MLP((8,))}


MODELS = {
    "vae": lambda: VAE((5,), 2, **networks()),
    "conditional": lambda: ConditionalVAE((5,), 3, 2, **networks()),
    "draw": lambda: DRAW((5,), 2, steps=2, hidden=4, posterior=Flow(), likelihood=Bounded()),
}


@pytest.fixture(params=MODELS)
def model(request, device):
    return MODELS[request.param]().to(device)


@pytest.fixture
def x(device):
    return torch.rand(4, 5, device=device).clamp(0.1, 0.9)


def test_the_global_stream_stays_and_the_answer_is_the_same(model, x):
    told = {"y": torch.zeros(4, dtype=torch.int64, device=x.device)} if model.conditional else {}
    answers = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        z = model.encode(x, **told)
        answers.append((z, model.decode(z, **told), model.reconstruct(x, **told)))
        assert torch.equal(torch.get_rng_state(), before)
    for first, second in zip(*answers):
        assert torch.equal(first, second)


def test_it_is_the_mean_of_draws(x, device):
    model = MODELS["vae"]().to(device)
    with torch.no_grad():
        q = model.infer(x)
        with pytest.raises(NotImplementedError):
            _ = q.mean
        draws = q.sample((20_000,))
    error = 6 * draws.std(0) / 100**0.5
    assert ((model.encode(x) - draws.mean(0)).abs() < error).all()
