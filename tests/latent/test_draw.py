"""DRAW: the pair by hand for one step, its verbs with and without a window, and what its steps gain."""

import pyro
import pytest
import torch
from pyro import poutine
from pyro.infer import SVI, Predictive, Trace_ELBO
from torch.distributions import Normal

from genlatent import components, fit, load_data
from genlatent.distributions.likelihoods import Gaussian
from genlatent.errors import DataError, RecipeError
from genlatent.latent.draw import DRAW
from genlatent.latent.vae import VAE
from genlatent.networks.mlp import MLP
from genlatent.networks.recurrent import Memory
from genlatent.objectives.base import Batch
from genlatent.objectives.pyro_terms import terms
from genlatent.training.optimizer import Optimizer

RATE = Optimizer(learning_rate=3e-3, schedule="linear")
PARTS = {
    "whole": {},
    "window": {"window": 3},
    "two channels, two parameters": {"event_shape": (2, 4, 4), "window": 2, "likelihood": Gaussian("per-output")},
    "a vector": {"event_shape": 12},
}


@pytest.fixture(params=PARTS)
def model(request, device):
    parts = components.build(components.describe(PARTS[request.param]))
    made = DRAW(**{"event_shape": (1, 6, 5), "latent": 2, "steps": 4, "hidden": 8, **parts})
    torch.nn.init.normal_(made.writer.blank)
    return made.to(device)


@pytest.fixture
def x(model, device):
    return (torch.rand(10, *model.event_shape, device=device) < 0.3).float()


def test_two_steps_by_hand(device):
    """Guide and model written out with the networks alone."""
    model = DRAW((5,), latent=2, steps=2, hidden=3).double().to(device)
    torch.nn.init.normal_(model.writer.blank)
    x = (torch.rand(4, 5, dtype=torch.float64, device=device) < 0.5).double()
    found = terms(model, x)
    z = [found.guide.nodes[f"z_{t}"]["value"] for t in (1, 2)]
    canvas, h = model.writer.blank.expand(4, 5), torch.zeros(4, 3, dtype=torch.float64, device=device)
    decoder = encoder = Memory(h, h)
    log_q = log_p = 0.0
    for code in z:
        seen = torch.cat([x, x - canvas.sigmoid(), decoder.hidden], 1)
        encoder = model.encoder(seen, encoder)
        mean, log_variance = model.estimate(encoder.hidden).chunk(2, 1)
        log_q = log_q + Normal(mean, (log_variance / 2).exp()).log_prob(code).sum(1)
        log_p = log_p + Normal(0.0, 1.0).log_prob(code).sum(1)
        decoder = model.decoder(code, decoder)
        canvas = canvas + model.writer.patch(decoder.hidden)
    log_p = log_p + (x * canvas - torch.nn.functional.softplus(canvas)).sum(1)
    torch.testing.assert_close(found.log_weights().squeeze(0), log_p - log_q)


def test_verbs(model, x):
    z = model.encode(x)
    assert z.shape == (10, *model.latent_shape)
    assert model.decode(z).shape == model.reconstruct(x).shape == x.shape
    assert model.canvases(z).shape == (4, *x.shape)
    torch.testing.assert_close(model.canvases(z)[-1], model.decode(z))
    assert model.sample(10).shape == model.sample(10, given={"z": z}).shape == x.shape
    assert model.log_weights(x, 5).shape == (5, 10)


def test_codes_given_decide_the_mean(model):
    z = torch.randn(1, *model.latent_shape, device=model.writer.blank.device)
    draws = model.sample(4000, given={"z": z.expand(4000, -1, -1)})
    spread = draws.std(0) / 4000**0.5
    assert ((draws.mean(0) - model.decode(z)[0]).abs() < 6 * spread + 1e-2).all()


def test_particles_are_rows_of_their_own(model, x):
    """Four particles weigh as the same draws do one after another."""
    many = terms(model, x, particles=4)
    z = [many.guide.nodes[site]["value"] for site in model.sites]
    for k in range(4):
        held = {site: value[k] for site, value in zip(model.sites, z)}
        log_p = poutine.trace(poutine.condition(model.model, data=held)).get_trace(x)
        expected = sum(log_p.nodes[name]["fn"].log_prob(log_p.nodes[name]["value"]) for name in (*model.sites, "x"))
        found = sum(many.log_prior.values()) + sum(many.log_likelihood.values())
        torch.testing.assert_close(found[k], expected, rtol=1e-4, atol=1e-4)


def test_gradients_reach_every_parameter(model, x):
    model.objective()(model, Batch(x), {}).value.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in model.parameters())


def test_the_canvas_starts_from_the_mean_of_the_data(device):
    model = DRAW((1, 6, 5), latent=2, steps=2, hidden=4, window=2).to(device)
    x = (torch.rand(4000, 1, 6, 5, device=device) < 0.3).float()
    model.prepare(x)
    torch.testing.assert_close(model.likelihood.mean(model.blank().canvas), x.mean(0))


def test_missing_values_are_left_out(device):
    model = DRAW((1, 6, 5), latent=2, steps=2, hidden=4, missing=True).to(device)
    x = (torch.rand(10, 1, 6, 5, device=device) < 0.3).float()
    x[:, :, :3] = torch.nan
    assert model.score(x).isfinite().all()
    assert model.reconstruct(x).isfinite().all()


def test_sites_stand_in_the_plate_of_rows(x, model, device):
    guide = poutine.trace(model.guide).get_trace(x)
    assert [name for name in guide.nodes if name.startswith("z")] == list(model.sites)
    assert all([f.name for f in guide.nodes[site]["cond_indep_stack"]] == ["data"] for site in model.sites)
    drawn = Predictive(model.model, num_samples=5)(n=3)
    assert drawn["x"].shape == (5, 3, *model.event_shape)
    assert drawn["z_4"].shape == (5, 3, 2)


def test_plain_svi_trains_it(device):
    with pyro.get_param_store().scope():
        model = DRAW((1, 6, 5), latent=2, steps=3, hidden=4, window=2).to(device)
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        x = (torch.rand(10, 1, 6, 5, device=device) < 0.3).float()
        inference = SVI(model.model, model.guide, pyro.optim.Adam({"lr": 0.01}), Trace_ELBO())
        for _ in range(2):
            inference.step(x)
    assert all(not torch.equal(before[name], p) for name, p in model.named_parameters())


def test_round_trip_through_plain_values(model):
    again = components.build(components.describe(model), "model")
    assert components.describe(again) == components.describe(model)
    assert {n: p.shape for n, p in again.named_parameters()} == {n: p.shape for n, p in model.named_parameters()}


def test_what_it_refuses(device):
    with pytest.raises(RecipeError, match="a window needs images"):
        DRAW(12, window=3)
    with pytest.raises(ValueError, match="steps must be at least 1"):
        DRAW(12, steps=0)
    with pytest.raises(DataError, match=r"codes of shape \(3, 10\), got \(2, 10\)"):
        DRAW(12, steps=3).to(device).decode(torch.zeros(4, 2, 10, device=device))
    with pytest.raises(DataError, match="4 rows for 2 draws"):
        DRAW(12, steps=3).to(device).sample(2, given={"z": torch.zeros(4, 3, 10, device=device)})


@pytest.mark.slow
def test_eight_steps_beat_one(device):
    """On digits, against a VAE with as many parameters, trained alike."""
    data = load_data("digits", binarise="threshold").to(device)
    models = {
        "draw": DRAW((1, 8, 8), latent=8, steps=8, hidden=48).to(device),
        "vae": VAE((1, 8, 8), latent=16, encoder=MLP((330,)), decoder=MLP((330,))).to(device),
    }
    sizes = {name: sum(p.numel() for p in model.parameters()) for name, model in models.items()}
    assert sizes["draw"] < sizes["vae"]
    losses = {
        name: fit(model, data, epochs=12, batch_size=100, validate_every=12, optimizer=RATE)
        for name, model in models.items()
    }
    found = {name: history.column("valid/loss")[-1] for name, history in losses.items()}
    assert found["draw"] < found["vae"], found
