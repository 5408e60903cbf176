"""Everything in pyro.infer takes the pair as it is."""

import copy

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer import MCMC, NUTS, SVI, Predictive, Trace_ELBO, TraceMeanField_ELBO

from genlatent.components import build
from genlatent.distributions.base import Prior
from genlatent.distributions.likelihoods import Gaussian
from genlatent.latent.base import unique_name
from genlatent.latent.vae import VAE
from genlatent.networks.mlp import MLP


@pytest.fixture(autouse=True)
def store():
    """Plain SVI writes to Pyro's global store: each test has one of its own."""
    with pyro.get_param_store().scope() as state:
        yield state


def vae(device, **parts):
    return VAE((1, 4, 4), 2, encoder=MLP((8,)), decoder=MLP((8,)), **parts).to(device)


@pytest.fixture
def x(device):
    return (torch.rand(32, 1, 4, 4, device=device) < 0.3).float()


def svi(model, loss=None):
    return SVI(model.model, model.guide, pyro.optim.Adam({"lr": 0.02}), loss or Trace_ELBO())


def test_svi_trains_every_parameter(x, device):
    model = vae(device)
    before = copy.deepcopy(model.state_dict())
    inference = svi(model, TraceMeanField_ELBO())
    losses = [inference.step(x) for _ in range(60)]
    assert sum(losses[-10:]) < sum(losses[:10])
    assert all(not torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_svi_trains_two_instances_and_a_copy_in_one_process(x, device):
    first, second = vae(device), vae(device)
    twin = copy.deepcopy(first)
    before = [copy.deepcopy(m.state_dict()) for m in (first, second, twin)]
    for model in (first, second, twin):
        svi(model).step(x)
    for model, old in zip((first, second, twin), before):
        assert all(not torch.equal(old[name], value) for name, value in model.state_dict().items())


def test_svi_alternating_equals_svi_alone(x, device):
    alone, together, other = vae(device), vae(device), vae(device)
    together.load_state_dict(alone.state_dict())
    torch.manual_seed(1)
    inference = svi(alone)
    for _ in range(3):
        inference.step(x)
    torch.manual_seed(1)
    inference, between = svi(together), svi(other)
    for _ in range(3):
        inference.step(x)
        with torch.random.fork_rng():
            between.step(x)
    assert all(torch.equal(a, b) for a, b in zip(alone.parameters(), together.parameters()))


def test_names_are_unique_per_instance(device):
    model = vae(device)
    names = {unique_name(m) for m in (model, vae(device), copy.deepcopy(model))}
    assert len(names) == 3
    assert unique_name(model) == unique_name(model)


def test_predictive_draws_from_the_prior_and_given_codes(x, device):
    model = vae(device)
    prior = Predictive(model.model, num_samples=5)(n=3)
    assert {name: tuple(v.shape) for name, v in prior.items()} == {"z": (5, 3, 2), "x": (5, 3, 1, 4, 4)}
    codes = Predictive(model.guide, num_samples=5)(x)
    again = Predictive(model.model, posterior_samples=codes)(n=len(x))
    assert again["x"].shape == (5, 32, 1, 4, 4)


@pytest.mark.parametrize("parallel", [False, True])
def test_predictive_with_the_guide(x, parallel, device):
    model = vae(device)
    found = Predictive(model.model, guide=model.guide, num_samples=6, parallel=parallel, return_sites=["z"])(x)
    assert found["z"].shape == (6, 32, 2)


def test_condition_on_x(x, device):
    model = vae(device)
    conditioned = poutine.trace(poutine.condition(model.model, data={"x": x})).get_trace(n=len(x))
    given = poutine.trace(poutine.condition(model.model, data={"z": conditioned.nodes["z"]["value"]})).get_trace(x)
    torch.testing.assert_close(conditioned.log_prob_sum(), given.log_prob_sum())


def test_sites_stand_in_the_plate_of_rows(x, device):
    model = vae(device)
    for program in (model.model, model.guide):
        trace = poutine.trace(program).get_trace(x)
        for name in {"x", "z"} & set(trace.nodes):
            assert [frame.name for frame in trace.nodes[name]["cond_indep_stack"]] == ["data"]
            assert trace.nodes[name]["fn"].batch_shape == (32,)


@pytest.mark.slow
def test_nuts_over_z_finds_the_exact_posterior(device):
    torch.set_default_dtype(torch.float64)
    try:
        model = VAE((3,), 1, likelihood=Gaussian(0.5), encoder=MLP(()), decoder=MLP(())).to(device)
        x = torch.tensor([[0.5, -0.2, 1.0]], device=device)
        mcmc = MCMC(NUTS(model.model), num_samples=1000, warmup_steps=200, disable_progbar=True)
        mcmc.run(x)
    finally:
        torch.set_default_dtype(torch.float32)
    weight, bias = (p.detach() for p in model.decoder.layers[0].parameters())
    variance = 1 / (1 + (weight**2).sum() / 0.25)
    mean = variance * ((x - bias) @ weight).squeeze() / 0.25
    z = mcmc.get_samples()["z"].flatten()
    ess = mcmc.diagnostics()["z"]["n_eff"].item()
    assert ess > 100
    bound = dist.Normal(0.0, 1.0).icdf(torch.tensor(1 - 1e-6, device=device)).item()
    assert abs(z.mean() - mean) < bound * z.std() / ess**0.5
    assert abs(z.var() / variance - 1) < bound * (2 / ess) ** 0.5


def test_verbs_leave_pyros_store_and_outer_programs_alone(x, device):
    model = vae(device)
    with poutine.trace() as outer:
        model.sample(2), model.encode(x), model.score(x)
    assert not outer.trace.nodes
    assert not dict(pyro.get_param_store().items())


@pytest.mark.parametrize("name", ["standard-normal", "laplace", "student-t", "gaussian-mixture", "vamp", "flow"])
def test_nuts_moves_under_every_prior_of_real_codes(name, x, device):
    model = vae(device, prior=build(name, "prior"))
    mcmc = MCMC(NUTS(model.model), num_samples=5, warmup_steps=5, disable_progbar=True)
    mcmc.run(x[:2])
    assert mcmc.get_samples()["z"].isfinite().all()


class Bumps(Prior):
    """Two places, as a user writes them."""

    def __init__(self):
        super().__init__()
        self.register_buffer("places", torch.tensor([[-0.5], [1.0]]))

    def forward(self):
        """Half at -0.5, half at 1."""
        parts = dist.Normal(self.places, 0.5).to_event(1)
        return dist.MixtureSameFamily(dist.Categorical(torch.ones_like(self.places[:, 0])), parts)


def test_nuts_under_a_users_mixture_agrees_with_quadrature(device):
    torch.manual_seed(0)
    model = VAE((3,), 1, likelihood=Gaussian(1.5), prior=Bumps(), encoder=MLP(()), decoder=MLP(())).to(device)
    x = torch.tensor([[0.5, -0.2, 1.0]], device=device)
    mcmc = MCMC(NUTS(model.model), num_samples=500, warmup_steps=100, disable_progbar=True)
    mcmc.run(x)
    z = torch.linspace(-5, 6, 4001, device=device)[:, None]
    log_p = model.prior().log_prob(z) + model.likelihood(model.params(z)).log_prob(x)
    p, z = log_p.double().softmax(0).detach(), z.flatten().double()
    mean, variance = (p * z).sum(), (p * (z - (p * z).sum()) ** 2).sum()
    drawn, ess = mcmc.get_samples()["z"].flatten(), mcmc.diagnostics()["z"]["n_eff"].item()
    assert ess > 50
    assert abs(drawn.mean() - mean) < 4 * (variance / ess).sqrt()
