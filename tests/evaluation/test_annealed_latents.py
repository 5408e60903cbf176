import pytest
import torch

from genlatent import VAE, LadderVAE, SemiSupervisedVAE
from genlatent.distributions.posteriors import FullNormal
from genlatent.errors import RecipeError, Unsupported
from genlatent.evaluation.annealed_latents import annealed_bound, move, tuned
from genlatent.evaluation.code_path import CodePath
from genlatent.evaluation.likelihood import importance_bound
from genlatent.sampling import schedule
from tests.evaluation.linear_gaussian import LATENT, linear_gaussian


def rows(marginal, n):
    return marginal.sample((n,))


def stream(x, seed=0):
    return torch.Generator(x.device).manual_seed(seed)


def test_from_the_exact_posterior_every_run_weighs_the_marginal(device):
    model, marginal = linear_gaussian(device)
    x = rows(marginal, 10)
    found = annealed_bound(model, x, runs=4, steps=5, generator=stream(x))
    torch.testing.assert_close(found.value, marginal.log_prob(x), atol=1e-9, rtol=0)
    assert float(found.error.max()) < 1e-6


@pytest.mark.parametrize("start", ["posterior", "prior"])
def test_from_elsewhere_the_mean_weight_is_the_marginal(start, device):
    """Many short runs: their weights spread, their mean does not lie."""
    model, marginal = linear_gaussian(device, shift=0.3, narrower=0.8)
    x = rows(marginal, 8)
    found = annealed_bound(model, x, runs=2000, steps=10, start=start, generator=stream(x))
    miss = (found.value - marginal.log_prob(x)) / found.error
    assert float(miss.abs().max()) < 5
    assert float(found.error.max()) < 0.2


def test_more_steps_leave_less_open_than_importance_weights_from_a_bad_guide(device):
    model, marginal = linear_gaussian(device, shift=0.5, narrower=4.0)
    x = rows(marginal, 50)
    true = marginal.log_prob(x)
    weighted = importance_bound(model, x, samples=300, generator=stream(x))[0]
    short, long = (annealed_bound(model, x, runs=10, steps=n, generator=stream(x)).value for n in (5, 60))
    assert weighted.value < float(true.mean()) - 1
    assert float((true - short).mean()) > 2 * float((true - long).mean())
    assert float((true - long).mean()) < 0.5


def test_slopes_are_those_of_the_densities(device):
    model, marginal = linear_gaussian(device, shift=0.2, narrower=2.0)
    x = rows(marginal, 3)
    path = CodePath(model, x, 2, calls=1)
    z, h = path.draw(stream(x)), 1e-6
    at = path.ends(z)
    for j in range(LATENT):
        away = torch.zeros_like(z)
        away[..., j] = h
        up, down = path.ends(z + away), path.ends(z - away)
        torch.testing.assert_close((up.end - down.end) / (2 * h), at.end_slope[..., j], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close((up.start - down.start) / (2 * h), at.start_slope[..., j], atol=1e-5, rtol=1e-5)


def test_moves_leave_the_posterior_as_it_is(device):
    """Exact draws stay exact draws: the mean and spread of many after some moves."""
    model, marginal = linear_gaussian(device)
    x = rows(marginal, 1)
    path = CodePath(model, x, 20_000, calls=50)
    z = exact = path.draw(stream(x))
    tuning = tuned(path, schedule.uniform(4).tolist(), 3, stream(x, 1))
    ends, generator = path.ends(z), stream(x, 2)
    for _ in range(5):
        z, ends, _ = move(path, z, ends, 1.0, tuning.steps[-1], tuning.scale, 3, generator)
    assert float((z - exact).abs().mean()) > float(exact.std(0).mean()) / 4
    spread = exact.std(0)
    assert float(((z.mean(0) - model.encode(x)) / spread).abs().max()) < 5 / 20_000**0.5 * 1.5
    assert float((z.std(0) / spread - 1).abs().max()) < 5 / 20_000**0.5 * 1.5


@pytest.mark.parametrize(
    "make", [lambda: LadderVAE(6, latents=(3, 2)), lambda: VAE(6, latent=2, posterior=FullNormal())]
)
def test_codes_of_several_sites_and_of_correlated_posteriors(make, device):
    model = make().to(device)
    x = (torch.rand(5, 6, device=device) < 0.4).float()
    found = annealed_bound(model, x, runs=300, steps=10, generator=stream(x))
    expected = model.score(x, num_samples=20_000, generator=stream(x, 1))
    assert float(((found.value - expected) / (found.error + 0.02)).abs().max()) < 5


def test_nothing_of_anybody_moves(device):
    model, marginal = linear_gaussian(device, shift=0.3)
    x = rows(marginal, 4)
    before, first = torch.get_rng_state(), annealed_bound(model, x, runs=3, steps=4, generator=stream(x))
    assert bool((torch.get_rng_state() == before).all())
    again = annealed_bound(model, x, runs=3, steps=4, generator=stream(x))
    assert bool((first.value == again.value).all())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_codes_that_are_no_real_numbers_and_wrong_efforts_are_refused(device):
    model = SemiSupervisedVAE(6, 3, latent=2).to(device)
    x = torch.zeros(2, 6, device=device)
    with pytest.raises(Unsupported, match="'y' is not made of real numbers"):
        annealed_bound(model, x)
    with pytest.raises(RecipeError, match="start must be one of posterior, prior"):
        annealed_bound(VAE(6, latent=2).to(device), x, start="zero")
    with pytest.raises(RecipeError, match="runs and steps must be at least 2"):
        annealed_bound(VAE(6, latent=2).to(device), x, runs=1)
