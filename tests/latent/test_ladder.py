"""The ladder: a linear-Gaussian chain whose posterior and marginal are known exactly, its verbs, and its upper code."""

import pyro
import pytest
import torch
from pyro import poutine
from pyro.infer import SVI, Predictive, Trace_ELBO
from torch.distributions import MultivariateNormal

from genlatent import components, fit, load_data
from genlatent.distributions.likelihoods import Gaussian
from genlatent.errors import DataError, RecipeError
from genlatent.latent.ladder import LadderVAE, combined
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch
from genlatent.objectives.elbo import ELBO
from genlatent.objectives.pyro_terms import terms
from genlatent.training.optimizer import Optimizer

PIXELS, LATENTS, NOISE = 7, (3, 2), 0.6


def linear(**parts):
    return LadderVAE(
        (PIXELS,), LATENTS, features=3, encoders=[MLP(()), MLP(())], decoders=[MLP(()), MLP(())], **parts
    ).double()


def matrix(rows, columns):
    return torch.linalg.qr(torch.randn(rows, columns).double())[0]


@pytest.fixture
def exact(device):
    r"""z_1 = A z_2 + a + S^{1/2} e, x = B z_1 + b + s e', with A and B such that every posterior is diagonal.

    The columns of B are orthogonal, so the estimate (B'B)^{-1} B'(x - b) is z_1 plus noise of variance s^2 / |B_i|^2.
    With V = S + s^2 / |B|^2 and A = V^{1/2} Q c, Q'Q = I, the posterior precision of z_2 is I + c^2.
    """
    model = linear(likelihood=Gaussian(NOISE))
    size, spread = torch.tensor([2.0, 1.0, 0.5]).double(), torch.tensor([0.3, 1.2, 0.7]).double()
    loadings, offset, shift = matrix(PIXELS, 3) * size, torch.randn(PIXELS).double(), torch.randn(3).double()
    error = NOISE**2 / size**2
    strength = torch.tensor([1.5, 0.4]).double()
    above = (spread + error).sqrt()[:, None] * matrix(3, 2) * strength
    gain = above.T / (spread + error) / (1 + strength**2)[:, None]
    back = loadings.T / size[:, None] ** 2
    with torch.no_grad():
        _set(model.down[0].layers[0], loadings, offset)
        _set(model.down[1].layers[0], torch.cat([above, 0 * above]), torch.cat([shift, spread.log()]))
        _set(model.up[0].layers[0], back, -back @ offset)
        _set(model.up[1].layers[0], torch.eye(3), torch.zeros(3))
        _set(model.estimates[0], torch.eye(6, 3), torch.cat([torch.zeros(3), error.log()]))
        _set(model.estimates[1], torch.cat([gain, 0 * gain]), torch.cat([-gain @ shift, -(1 + strength**2).log()]))
    covariance = loadings @ (above @ above.T + spread.diag()) @ loadings.T + NOISE**2 * torch.eye(PIXELS).double()
    return model.to(device), MultivariateNormal((loadings @ shift + offset).to(device), covariance.to(device))


def _set(layer, weight, bias):
    layer.weight.copy_(weight)
    layer.bias.copy_(bias)


@pytest.fixture
def x(device):
    return 3 * torch.randn(20, PIXELS, dtype=torch.float64, device=device) - 1


@pytest.fixture
def bits(device):
    return (torch.rand(10, 1, 8, 8, device=device) < 0.3).float()


def test_every_draw_gives_the_exact_marginal(exact, x):
    model, marginal = exact
    weights = model.log_weights(x, num_samples=50)
    torch.testing.assert_close(weights, marginal.log_prob(x).expand(50, 20), atol=1e-9, rtol=0)
    torch.testing.assert_close(model.score(x), marginal.log_prob(x), atol=1e-9, rtol=0)


def test_the_bound_is_tight(exact, x):
    model, marginal = exact
    sampled = ELBO(3, analytic=False).validate(model, Batch(x))["loss"]
    torch.testing.assert_close(sampled, -marginal.log_prob(x), atol=1e-9, rtol=0)
    closed = ELBO(20_000).validate(model, Batch(x))["loss"]
    torch.testing.assert_close(closed, -marginal.log_prob(x), atol=0.1, rtol=0)


def test_a_wrong_upper_posterior_loosens_the_bound_only(exact, x, device):
    model, marginal = exact
    with torch.no_grad():
        model.estimates[1].bias[:2] += 0.3
    weights = model.log_weights(x, 20_000)
    gap = marginal.log_prob(x) - weights.mean(0)
    above = torch.tensor([1.5, 0.4], device=device).double()
    expected = 0.5 * 0.09 * (1 + above**2).sum()  # KL of two normals of one covariance
    torch.testing.assert_close(gap, expected.to(gap).expand_as(gap), atol=0.05, rtol=0)
    torch.testing.assert_close(model.score(x, num_samples=20_000), marginal.log_prob(x), atol=0.05, rtol=0)


def test_samples_have_the_marginals_covariance(exact, device):
    model, marginal = exact
    draws = model.sample(40_000, generator=torch.Generator(device).manual_seed(0))
    scale = marginal.variance.max() * 6 * (2 / 40_000) ** 0.5
    assert (draws.T.cov() - marginal.covariance_matrix).abs().max() < scale
    assert (draws.mean(0) - marginal.mean).abs().max() < 6 * (marginal.variance.max() / 40_000).sqrt()


def test_codes_are_posterior_means(exact, x):
    """Both codes are jointly normal with x: their means are regressions on it."""
    model, marginal = exact
    above, shift = model.down[1].layers[0].weight[:3], model.down[1].layers[0].bias[:3]
    spread, loadings = model.down[1].layers[0].bias[3:].exp(), model.down[0].layers[0].weight
    whitened = (x - marginal.mean) @ torch.linalg.inv(marginal.covariance_matrix)
    low, top = model.codes(x)
    torch.testing.assert_close(top, (whitened @ loadings @ above).detach())
    torch.testing.assert_close(low, (shift + whitened @ loadings @ (above @ above.T + spread.diag())).detach())


def test_combination_by_precisions(device):
    """N(1, 1) and N(4, 1/2): precisions 1 and 2, mean (1 + 8) / 3, variance 1/3."""
    one, two = torch.tensor([1.0, 0.0], device=device).double(), torch.tensor([4.0, 0.5], device=device).double()
    mean, log_variance = combined((one[0], one[1]), (two[0], two[1].log()))
    torch.testing.assert_close(mean, torch.tensor(3.0, device=device).double())
    torch.testing.assert_close(log_variance.exp(), torch.tensor(1 / 3, device=device).double())


def test_combination_stays_finite_where_one_side_is_certain(device):
    certain, vague = (
        (torch.tensor(1.0, device=device), torch.tensor(-200.0, device=device)),
        (torch.tensor(9.0, device=device), torch.tensor(200.0, device=device)),
    )
    for pair in ((certain, vague), (vague, certain)):
        torch.testing.assert_close(torch.stack(combined(*pair)), torch.tensor([1.0, -200.0], device=device))


@pytest.mark.parametrize("latents", [(4, 2), (5, 4, 3)])
def test_verbs_of_every_layer(latents, bits, device):
    model = LadderVAE((1, 8, 8), latents, features=16).to(device)
    for layer, latent in enumerate(latents, 1):
        z = model.encode(bits, layer)
        assert z.shape == (10, latent)
        assert model.decode(z, layer).shape == bits.shape
        assert model.sample(10, given={f"z_{layer}": z}).shape == bits.shape
    torch.testing.assert_close(model.reconstruct(bits), model.decode(model.encode(bits)))
    assert model.log_weights(bits, 5).shape == (5, 10)


def test_gaps_are_filled_with_conditional_means(exact):
    """Of a normal distribution: regressions of the missing cell on the observed ones, for rows that are typical."""
    model, marginal = exact
    on_host = MultivariateNormal(marginal.mean.cpu(), marginal.covariance_matrix.cpu())
    x = on_host.sample((50,)).to(marginal.mean.device)  # the same rows on every device
    gappy = x.clone()
    gappy[:, 0] = torch.nan
    covariance, mean = marginal.covariance_matrix, marginal.mean
    gain = covariance[0, 1:] @ torch.linalg.inv(covariance[1:, 1:])
    expected = mean[0] + (x[:, 1:] - mean[1:]) @ gain
    spread = (covariance[0, 0] - gain @ covariance[1:, 0]).sqrt()
    filled = model.impute(gappy, num_samples=4000)
    assert torch.equal(filled[:, 1:], x[:, 1:])
    error = (filled[:, 0] - expected).square().mean().sqrt()
    assert error < 0.1 * spread, f"off by {error:.3f}, where x itself spreads by {spread:.3f}"


def test_gradients_reach_every_parameter(bits, device):
    model = LadderVAE((1, 8, 8), (5, 4, 3), features=(16, 12, 8)).to(device)
    model.objective()(model, Batch(bits, None, 1.0), {}).value.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in model.parameters())


def test_missing_values_are_left_out(bits, device):
    model = LadderVAE((1, 8, 8), (4, 2), missing=True).to(device)
    bits[:, :, :4] = torch.nan
    assert model.score(bits).isfinite().all()
    assert (model.score(bits, num_samples=200) > -32 * 1.2).all()  # half of the cells, ln 2 nats each at the start


def test_sites_stand_in_the_plate_of_rows(bits, device):
    model = LadderVAE((1, 8, 8), (4, 2)).to(device)
    guide = poutine.trace(model.guide).get_trace(bits)
    assert [name for name in guide.nodes if name.startswith("z")] == ["z_2", "z_1"]
    for name in ("z_1", "z_2"):
        assert [frame.name for frame in guide.nodes[name]["cond_indep_stack"]] == ["data"]
    drawn = Predictive(model.model, num_samples=5)(n=3)
    assert {name: tuple(v.shape) for name, v in drawn.items()} == {
        "z_2": (5, 3, 2),
        "z_1": (5, 3, 4),
        "x": (5, 3, 1, 8, 8),
    }


def test_plain_svi_trains_it(bits, device):
    with pyro.get_param_store().scope():
        model = LadderVAE((1, 8, 8), (4, 2), features=16).to(device)
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        SVI(model.model, model.guide, pyro.optim.Adam({"lr": 0.01}), Trace_ELBO()).step(bits)
    assert all(not torch.equal(before[name], p) for name, p in model.named_parameters())


def test_round_trip_through_plain_values(device):
    model = LadderVAE((1, 8, 8), (4, 2), features=(16, 8), decoders=[MLP((12,)), MLP((8, 8))]).to(device)
    again = components.build(components.describe(model), "model")
    assert components.describe(again) == components.describe(model)
    assert {n: p.shape for n, p in again.named_parameters()} == {n: p.shape for n, p in model.named_parameters()}


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"latents": (4,)}, "with one it is a VAE"),
        ({"features": (3,)}, "2 codes need 2 features, got 1"),
        ({"encoders": [MLP()]}, "2 codes need 2 encoders, got 1"),
        ({"prior": pyro.distributions.Normal(torch.zeros(3), 1.0).to_event(1)}, r"the latent has shape \(2,\)"),
    ],
)
def test_what_it_refuses(parts, sentence):
    with pytest.raises(RecipeError, match=sentence):
        LadderVAE(**{"event_shape": (1, 8, 8), "latents": (4, 2), **parts})


def test_wrong_layers_and_rows_are_refused(bits, device):
    model = LadderVAE((1, 8, 8), (4, 2)).to(device)
    with pytest.raises(ValueError, match="between 1 and 2, got 3"):
        model.encode(bits, 3)
    with pytest.raises(DataError, match="1 rows for 2 draws"):
        model.sample(2, given={"z_2": torch.zeros(1, 2, device=device)})


@pytest.mark.slow
def test_the_upper_code_stays_in_use(device):
    data = load_data("digits", binarise="threshold").to(device)
    model = LadderVAE((1, 8, 8), (16, 8), features=64).to(device)
    fit(model, data, epochs=30, batch_size=100, optimizer=Optimizer(learning_rate=2e-3))
    with torch.no_grad():
        kl = {name: float(rows.mean()) for name, rows in terms(model, data.test, particles=4).kl().items()}
    active = int((model.encode(data.test, layer=2).var(0) > 0.01).sum())
    assert kl["z_2"] > 1
    assert kl["z_1"] > 1
    assert active >= 4, f"{active} of 8 values of z_2 follow x"
