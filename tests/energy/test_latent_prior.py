import math

import pytest
import torch

from genlatent import fit, load, load_data, save
from genlatent.components import build, describe
from genlatent.distributions.posteriors import Bernoulli
from genlatent.energy.latent_prior import LatentEnergyPrior
from genlatent.energy.rbm import RBM
from genlatent.energy.tilted import annealed
from genlatent.energy.units import Spin
from genlatent.errors import RecipeError, Unsupported
from genlatent.latent.vae import VAE
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch
from genlatent.objectives.elbo import ELBO
from tests.machines import Exact, skewed
from tests.quadrature import stretched


def tilt(z):
    """A skewed energy with two wells of different depth."""
    return -2.0 * (-(z - torch.tensor([1.5, -0.5]).to(z)).square().sum(-1)).exp() + z[:, 0] * 0.7


def plane(device):
    one, weight = (part.to(device) for part in stretched(401, 3.0))
    return torch.cartesian_prod(one, one), torch.cartesian_prod(weight, weight).prod(1)


def exact(device, energy):
    """ln Z and mean under exp(-E) N(0, I) in the plane, by quadrature."""
    z, weight = plane(device)
    log_p = -energy(z) - z.square().sum(1) / 2 - math.log(2 * math.pi) + weight.log()
    return log_p.logsumexp(0), log_p.softmax(0) @ z


def bent(device, seed=3, **arguments):
    """A prior with a network that is far from flat."""
    prior = LatentEnergyPrior(MLP((12,), "silu"), event_shape=[2], **arguments).to(device).double()
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter.add_(1.2 * torch.randn_like(parameter))
    return prior


def rows(device):
    """Draws under which log p is taken, away from the middle."""
    return torch.randn(40, 2, generator=torch.Generator(device).manual_seed(1), device=device).double() * 0.7 + 0.4


@pytest.mark.parametrize("steps", [1, 5, 30])
def test_annealed_weights_estimate_ln_z_and_the_mean(steps, device):
    log_z, mean = exact(device, tilt)
    torch.manual_seed(0)
    z, log_w = annealed(tilt, torch.randn(40_000, 2, device=device).double(), steps, 0.8)
    w = (log_w - log_z).exp()
    assert abs(w.mean() - 1) < 5 * w.std() / 200
    for column in (0, 1):
        value = w * (z[:, column] - mean[column])
        assert abs(value.mean()) < 5 * value.std() / 200


def test_more_steps_make_the_weights_more_equal(device):
    torch.manual_seed(0)
    start = torch.randn(4000, 2, device=device).double()
    spread = [annealed(tilt, start, steps, 0.8).log_weights.var() for steps in (1, 5, 30)]
    assert spread[0] > 2 * spread[1] > 4 * spread[2]


def test_the_density_is_normalised(device):
    prior = bent(device, chains=20_000)
    z, weight = plane(device)
    log_z, _ = exact(device, prior._energy)
    assert abs(log_z) > 0.3
    assert abs((prior().log_prob(z).exp() * weight).sum() - 1) < 0.02
    found = prior.log_partition(chains=4000, steps=50, generator=torch.Generator(device).manual_seed(2))
    assert abs(found.value - log_z) < 5 * found.error < 0.1
    assert 100 < found.ess <= 4000


def test_the_gradient_is_that_of_the_exact_density(device):
    """Data against chains: the average over many estimates is the gradient by quadrature, sign and size."""
    prior, x = bent(device, chains=20_000), rows(device)
    parameters = list(prior.parameters())
    found = torch.autograd.grad(prior().log_prob(x).mean(), parameters)
    wanted = torch.autograd.grad(-prior._energy(x).mean() - exact(device, prior._energy)[0], parameters)
    for one, other in zip(found, wanted):
        assert other.norm() > 0.01
        assert (one - other).norm() < 0.1 * other.norm()


def test_draws_are_the_prior_s(device):
    prior = bent(device)
    _, mean = exact(device, prior._energy)
    assert mean.norm() > 0.2
    torch.manual_seed(1)
    drawn = prior().sample((5000,))
    assert ((drawn.mean(0) - mean).abs() < 5 * drawn.std(0) / 5000**0.5).all()


def test_at_the_start_it_is_the_standard_normal(device):
    prior, z = LatentEnergyPrior(event_shape=[3]).to(device), torch.randn(5, 3, device=device)
    assert torch.allclose(prior().log_prob(z), torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1), atol=1e-5)
    assert abs(prior.log_partition(10, 2).value) < 1e-6


def test_the_tilt_is_bounded(device):
    prior = bent(device, bound=2.0)
    assert prior._energy(1e4 * rows(device)).abs().max() <= 2.0


def test_the_divergence_uses_the_closed_form_of_what_is_tilted(device):
    """E_q[E] + ln Z beside KL(q || N(0, I)): the same expectation as log q - log p."""
    model = VAE((4,), 2, prior=bent(device, chains=3000).float()).to(device)
    x = (torch.rand(500, 4, device=device) < 0.5).float().repeat(20, 1)
    plain, closed = (ELBO(analytic=analytic).validate(model, Batch(x))["kl"] for analytic in (False, True))
    assert (plain - closed).mean().abs() < 5 * ((plain.var() + closed.var()) / len(x)).sqrt() + 0.1


def test_the_divergence_from_a_flat_tilt_has_no_noise(device):
    model = VAE((4,), 2, prior=LatentEnergyPrior()).to(device)
    x = (torch.rand(50, 4, device=device) < 0.5).float()
    found = ELBO().validate(model, Batch(x))["kl"]
    expected = torch.distributions.kl_divergence(model.infer(x).base_dist, torch.distributions.Normal(0.0, 1.0)).sum(1)
    assert torch.allclose(found, expected, atol=1e-5)


def test_a_prior_learns_codes_that_are_not_normal(device):
    """Fitted alone to draws of a ring, its density there rises above the standard normal's, by quadrature too."""
    angle = 2 * math.pi * torch.rand(2000, generator=torch.Generator(device).manual_seed(0), device=device)
    ring = 1.5 * torch.stack((angle.cos(), angle.sin()), 1)
    prior = LatentEnergyPrior(MLP((32, 32), "silu"), event_shape=[2]).to(device)
    optimizer = torch.optim.Adam(prior.parameters(), 5e-3)
    for _ in range(150):
        optimizer.zero_grad()
        loss = -prior().log_prob(ring).mean()
        loss.backward()
        optimizer.step()
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(ring).sum(1).mean()
    with torch.no_grad():
        log_z, _ = exact(device, lambda z: prior._energy(z.float()).double())
        found = (-prior._energy(ring)).mean() + normal - log_z
    assert found > normal + 0.4


def machine(device, hidden=3, visible=4):
    return skewed(RBM(visible, hidden)).to(device)


@pytest.mark.parametrize("hidden", [3, 6])
def test_an_rbm_is_exact_over_bits(hidden, device):
    prior = LatentEnergyPrior(machine(device, hidden), event_shape=[4]).to(device).double()
    states, log_p = Exact(prior.energy).marginal("visible")
    assert torch.allclose(prior().log_prob(states), log_p, atol=1e-10)
    assert prior.log_partition() == (pytest.approx(float(Exact(prior.energy).log_partition.detach())), 0.0, None)
    drawn = prior().sample((20_000,))
    p = log_p.exp()
    mean = p @ states
    assert ((drawn.mean(0) - mean).abs() < 5 * drawn.std(0) / 20_000**0.5).all()
    pairs = drawn[:, :1] * drawn
    assert ((pairs.mean(0) - p @ (states[:, :1] * states)).abs() < 5 * pairs.std(0) / 20_000**0.5 + 1e-9).all()


def test_an_rbm_learns_with_the_model(device):
    data = load_data("digits", binarise="threshold")
    prior = LatentEnergyPrior(RBM(8, 6))
    model = VAE((1, 8, 8), 8, prior=prior, posterior=Bernoulli(), encoder=MLP((32,)), decoder=MLP((32,))).to(device)
    before = prior.energy.W.detach().clone()
    history = fit(model, data, epochs=3)
    assert history.column("valid/loss")[-1] < history.column("valid/loss")[0]
    assert not torch.equal(prior.energy.W, before)
    assert model.sample(3).shape == (3, 1, 8, 8)


def test_saved_with_the_model_and_loaded(tmp_path, device):
    for prior, posterior in (
        (LatentEnergyPrior(MLP((8,))).to(device), None),
        (LatentEnergyPrior(machine(device)).to(device), Bernoulli()),
    ):
        model = VAE((4,), 4 if posterior else 2, prior=prior, posterior=posterior).to(device)
        save(model, tmp_path / type(prior.energy).__name__)
        found = load(tmp_path / type(prior.energy).__name__).to(device)
        assert describe(found) == describe(model)
        generators = (torch.Generator(device).manual_seed(1) for _ in range(2))
        one, other = (m.sample(5, generator=g) for m, g in zip((model, found), generators))
        assert torch.equal(one, other)


def test_named_in_a_recipe():
    prior = build({"name": "latent-energy", "energy": {"name": "mlp", "hidden": [8]}, "steps": 5}, "prior")
    assert type(prior) is LatentEnergyPrior
    assert prior.steps == 5


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: LatentEnergyPrior(chains=0), "must be above 0"),
        (lambda: LatentEnergyPrior(RBM(3, 2), event_shape=[4]), "the RBM has 3 visible units, the latent 4 values"),
        (lambda: LatentEnergyPrior(RBM(20, 17), event_shape=[20]), "up to 16 units; the smaller has 17"),
        (lambda: LatentEnergyPrior(RBM(4, 2, Spin()), event_shape=[4]), "its visible units are Spin"),
        (lambda: VAE((4,), 4, prior=LatentEnergyPrior(RBM(4, 2))), "DiagonalNormal draws real values"),
    ],
)
def test_bad_input(make, sentence):
    with pytest.raises((ValueError, RecipeError, Unsupported), match=sentence):
        make()
