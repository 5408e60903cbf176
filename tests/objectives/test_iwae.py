"""The importance-weighted bound against numerics on a linear-Gaussian model, and its two gradients side by side."""

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from scipy.stats import norm
from torch import nn

from genlatent.distributions.base import Posterior
from genlatent.distributions.likelihoods.gaussian import Gaussian
from genlatent.distributions.posteriors.flow import Flow
from genlatent.distributions.posteriors.normal import FullNormal
from genlatent.errors import RecipeError
from genlatent.latent.vae import VAE
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch
from genlatent.objectives.elbo import ELBO
from genlatent.objectives.iwae import IWAE
from genlatent.training.step import Rows, Step, Together

PIXELS, LATENT, NOISE = 5, 1, 0.7


class Bits(Posterior):
    """A posterior without pathwise gradients."""

    def forward(self, params):
        return dist.Bernoulli(logits=params).to_event(1)


@pytest.fixture
def model(device):
    """A linear-Gaussian VAE whose posterior is wrong in mean and width."""
    made = VAE((PIXELS,), LATENT, likelihood=Gaussian(NOISE), encoder=MLP(()), decoder=MLP(())).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.5)
    return made.to(device)


@pytest.fixture
def x(device):
    return torch.randn(6, PIXELS, dtype=torch.float64).to(device)  # the same rows on every device


def marginal(model):
    weight, bias = model.decoder.layers[0].weight, model.decoder.layers[0].bias
    covariance = weight @ weight.T + NOISE**2 * torch.eye(PIXELS, dtype=weight.dtype, device=weight.device)
    return torch.distributions.MultivariateNormal(bias, covariance)


def two_draws_by_quadrature(device, model, x, points=160):
    r""":math:`\mathbb{E}[\log \frac{1}{2}(w_1 + w_2)]` by Gauss-Hermite sums over both draws."""
    nodes, weights = (torch.as_tensor(v, device=x.device) for v in hermite(points))
    loc, log_variance = model.encoder.layers[0](x).chunk(2, -1)
    z = loc.T + (log_variance / 2).exp().T * nodes[:, None]  # (points, rows)
    q = torch.distributions.Normal(loc.T, (log_variance / 2).exp().T)
    log_p = model.likelihood(model.params(z.unsqueeze(-1))).log_prob(x) + model.prior().log_prob(z.unsqueeze(-1))
    w = log_p - q.log_prob(z)
    pairs = torch.logaddexp(w[:, None], w[None]) - torch.log(torch.tensor(2.0, device=device))
    return (weights[:, None, None] * weights[None, :, None] * pairs).sum((0, 1))


def hermite(points):
    nodes, weights = np.polynomial.hermite_e.hermegauss(points)
    return nodes, weights / weights.sum()


def test_value_of_two_draws_is_that_of_quadrature(model, x, device):
    with torch.no_grad():
        expected = -two_draws_by_quadrature(device, model, x)
        runs = IWAE(2).validate(model, Batch(x.repeat(4000, 1)))["bound"].unflatten(0, (-1, len(x)))
    error = runs.std(0) / len(runs) ** 0.5
    assert ((runs.mean(0) - expected).abs() < norm.isf(1e-5) * error).all()
    for kind in ("plain", "doubly"):
        trained = IWAE(2, kind)(model, Batch(x.repeat(4000, 1)), {}).value
        assert (trained - expected.mean()).abs() < norm.isf(1e-7) * runs.mean(1).std() / len(runs) ** 0.5


def test_the_bound_lies_between_the_elbo_and_the_marginal_and_rises(model, x):
    repeated = x.repeat(400, 1)
    losses = [IWAE(k).validate(model, Batch(repeated))["bound"].detach().mean() for k in (1, 2, 8, 64)]
    assert losses == sorted(losses, reverse=True)
    exact = float(-marginal(model).log_prob(x).mean().detach())
    assert float(losses[-1]) == pytest.approx(exact, abs=0.02)
    draws = IWAE(8).validate(model, Batch(repeated))
    assert (draws["bound"] <= draws["loss"] + 1e-9).float().mean() > 0.5
    elbo = ELBO(8, analytic=False).validate(model, Batch(repeated))["loss"].mean()
    assert exact < draws["bound"].mean() < elbo


def test_one_draw_is_the_elbo(model, x):
    torch.manual_seed(1)
    found = IWAE(1, "plain")(model, Batch(x), {}).value
    torch.manual_seed(1)
    torch.testing.assert_close(found, ELBO(analytic=False)(model, Batch(x), {}).value)


def test_at_the_exact_posterior_every_draw_gives_the_marginal(model, x):
    decoder = model.decoder.layers[0]
    variance = 1 / (1 + (decoder.weight**2).sum() / NOISE**2)
    gain = variance * decoder.weight.T / NOISE**2
    with torch.no_grad():
        model.encoder.layers[0].weight.copy_(torch.cat([gain, 0 * gain]))
        model.encoder.layers[0].bias.copy_(torch.stack([(-gain @ decoder.bias)[0], variance.log()]))
    expected = -marginal(model).log_prob(x)
    torch.testing.assert_close(IWAE(3).validate(model, Batch(x))["bound"], expected, atol=1e-9, rtol=0)
    encoder = torch.autograd.grad(IWAE(3)(model, Batch(x), {}).value, list(model.encoder.parameters()))
    assert all(gradient.abs().max() < 1e-9 for gradient in encoder), "no noise where there is nothing to learn"


def gradients(objective, model, x, draws, copies=20):
    """One row for each draw of the gradient, that of `copies` of the data at once."""
    x = x.repeat(copies, 1)
    parameters = [p for p in model.parameters() if p.requires_grad]
    runs = [torch.autograd.grad(objective(model, Batch(x), {}).value, parameters) for _ in range(draws)]
    return torch.stack([torch.cat([g.flatten() for g in run]) for run in runs])


def assert_same_mean(found, expected, false_alarm=1e-5):
    """Means of independent draws agree within the error that they earned, over all parameters."""
    error = (found.var(0) / len(found) + expected.var(0) / len(expected)).sqrt()
    bound = norm.isf(false_alarm / 2 / found.shape[1])
    assert ((found.mean(0) - expected.mean(0)).abs() < bound * error + 1e-12).all()


def test_both_gradients_have_the_same_mean_and_the_double_one_less_noise(model, x):
    doubly, plain = (gradients(IWAE(8, kind), model, x, 100) for kind in ("doubly", "plain"))
    assert_same_mean(doubly, plain)
    of_encoder = slice(0, sum(p.numel() for p in model.encoder.parameters()))
    assert doubly[:, of_encoder].var(0).sum() < 0.5 * plain[:, of_encoder].var(0).sum()


def test_more_draws_help_the_double_gradient_and_drown_the_plain_one(model, x):
    """Signal over noise of the encoder's gradient, at 4 and 64 draws."""

    def ratio(kind, k):
        found = gradients(IWAE(k, kind), model, x, 60)[:, : PIXELS + 1]
        return float(found.mean(0).norm() / found.std(0).norm())

    assert ratio("doubly", 64) > ratio("doubly", 4)
    assert ratio("doubly", 64) > 3 * ratio("plain", 64)


class Chain(nn.Module):
    """Two latent sites, the second drawn from the first in model and guide."""

    def __init__(self):
        super().__init__()
        self.p = nn.Parameter(torch.tensor([0.5, 0.8], dtype=torch.float64))
        self.q = nn.Parameter(torch.tensor([0.3, 0.2, 0.6], dtype=torch.float64))

    def model(self, x, y=None):
        with pyro.plate("data", len(x)):
            z1 = pyro.sample("z_1", dist.Normal(torch.zeros_like(x[:, 0]), 1.0))
            z2 = pyro.sample("z_2", dist.Normal(self.p[0] * z1, 1.0))
            pyro.sample("x", dist.Normal(self.p[1] * z2, 0.5), obs=x[:, 0])

    def guide(self, x, y=None):
        with pyro.plate("data", len(x)):
            z1 = pyro.sample("z_1", dist.Normal(self.q[0] * x[:, 0], 0.9))
            pyro.sample("z_2", dist.Normal(self.q[1] * z1 + self.q[2] * x[:, 0], 0.7))


def test_several_sites(x):
    model = Chain()
    doubly, plain = (gradients(IWAE(5, kind), model, x, 150) for kind in ("doubly", "plain"))
    assert_same_mean(doubly, plain)


def test_discrete_sites_follow_the_enumerated_bound(device):
    """One latent bit, two draws: the estimate's mean against the gradient of the sum over all four outcomes."""
    x = (torch.rand(4, 6, device=device) < 0.4).double()
    model = (
        VAE((6,), 1, prior=dist.Bernoulli(0.3), posterior=Bits(), encoder=MLP((4,)), decoder=MLP((4,)))
        .to(device)
        .double()
    )
    bits = torch.tensor([[[0.0]], [[1.0]]], dtype=torch.float64, device=device).expand(2, 4, 1)
    log_q = model.infer(x).log_prob(bits)
    w = model.likelihood(model.params(bits)).log_prob(x) + model.prior().log_prob(bits) - log_q
    chances = (log_q[:, None] + log_q[None]).exp()
    bound = torch.logaddexp(w[:, None], w[None]) - torch.log(torch.tensor(2.0, device=device))
    value = -(chances * bound).sum((0, 1)).mean()
    exact = torch.cat([g.flatten() for g in torch.autograd.grad(value, list(model.parameters()))])
    found = gradients(IWAE(2), model, x, 150)
    error = found.std(0) / len(found) ** 0.5
    assert ((found.mean(0) - exact).abs() < norm.isf(1e-5 / 2 / len(exact)) * error + 1e-12).all()


class Global(Chain):
    """A site outside the plate of rows."""

    def guide(self, x, y=None):
        pyro.sample("w", dist.Normal(self.q[0], 1.0))
        super().guide(x, y)

    def model(self, x, y=None):
        pyro.sample("w", dist.Normal(torch.zeros_like(self.q[0]), 1.0))
        super().model(x, y)


def test_a_site_shared_by_all_rows_is_refused(x):
    with pytest.raises(RecipeError, match="'w' is drawn once for all"):
        IWAE(2)(Global(), Batch(x), {})


@pytest.mark.parametrize(
    ("args", "message"), [({"particles": 0}, "particles"), ({"gradient": "triple"}, "'doubly' or 'plain'")]
)
def test_impossible_arguments(args, message):
    with pytest.raises(ValueError, match=message):
        IWAE(**args)


@pytest.mark.parametrize("kind", ["doubly", "plain"])
def test_traced_equals_eager(kind, device):
    x = (torch.rand(12, 6, device=device) < 0.4).float()
    model = VAE((6,), 2, encoder=MLP((8,)), decoder=MLP((8,))).to(device)
    rows, progress = Rows(x, None, torch.arange(12, device=device)), torch.zeros((), device=device)
    steps = [Step(model, IWAE(4, kind), mode=mode) for mode in ("eager", "traced")]
    eager, traced = (step(rows, progress, {}, torch.Generator(device).manual_seed(1)) for step in steps)
    assert steps[1].mode == "traced"
    torch.testing.assert_close(eager.value, traced.value)
    for name, gradient in eager.gradients.items():
        torch.testing.assert_close(gradient, traced.gradients[name], rtol=1e-4, atol=1e-6)
    assert set(eager.gradients) == set(dict(Together(model, IWAE()).named_parameters()))


@pytest.mark.parametrize("posterior", [FullNormal(), Flow()], ids=lambda p: type(p).__name__)
def test_other_posteriors(posterior, x, device):
    model = VAE((PIXELS,), 2, likelihood=Gaussian(NOISE), posterior=posterior, encoder=MLP((8,)), decoder=MLP((8,)))
    model = model.double().to(device)
    doubly, plain = (gradients(IWAE(4, kind), model, x, 40, copies=5) for kind in ("doubly", "plain"))
    assert_same_mean(doubly, plain)
