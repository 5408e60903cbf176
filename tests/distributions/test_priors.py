"""What single priors and posteriors are in particular."""

import copy
import math

import pyro.distributions as dist
import pytest
import torch

from genlatent import components, fit, load, save
from genlatent.data.sources import load_data
from genlatent.distributions import posteriors, priors
from genlatent.distributions.likelihoods import Gaussian
from genlatent.distributions.mixtures import Mixture
from genlatent.errors import RecipeError
from genlatent.latent.vae import VAE
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch


@pytest.fixture
def x(device):
    return (torch.rand(20, 1, 4, 4, device=device) < 0.3).float()


def vamp(device, **parts):
    network = {"encoder": MLP((8,)), "decoder": MLP((8,))} | parts
    return VAE((1, 4, 4), 2, prior=priors.VampPrior(5), **network).to(device)


def test_the_vamp_prior_is_the_average_posterior_of_its_inputs(device):
    model = vamp(device)
    z = torch.randn(7, 2, device=device)
    parts = torch.stack([model.infer(u[None]).log_prob(z) for u in model.prior.inputs()])
    expected = parts.logsumexp(0) - torch.tensor(5.0).log()
    torch.testing.assert_close(model.prior().log_prob(z), expected)


def test_the_encoder_is_registered_once_and_trained_from_both_sides(device, x):
    model = vamp(device)
    names = [name for name, _ in model.named_parameters()]
    assert [name for name in names if name.startswith("prior")] == ["prior.raw"]
    assert len(names) == len({id(p) for p in model.parameters()}) == 9
    model.objective()(model, Batch(x), {}).value.backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


def test_a_copy_has_the_copys_encoder(device):
    model = vamp(device)
    twin = copy.deepcopy(model)
    z = torch.zeros(1, 2, device=device)
    before = twin.prior().log_prob(z)
    with torch.no_grad():
        for p in model.encoder.parameters():
            p.add_(1.0)
    assert torch.equal(twin.prior().log_prob(z), before)
    assert not torch.equal(model.prior().log_prob(z), before)


def test_pseudo_inputs_start_at_rows_of_the_data(device, x):
    model = vamp(device)
    model.prepare(x)
    assert torch.equal(model.prior.inputs().round(), x[::4])


@pytest.mark.parametrize(("support", "low", "high"), [("unit", 0, 1), ("count", 0, torch.inf), ("real", -torch.inf, 9)])
def test_pseudo_inputs_stay_in_the_range_of_the_data(support, low, high):
    prior = priors.VampPrior(5, [2])
    prior.attach(posteriors.DiagonalNormal([2]), torch.Size([4]), support)
    rows = torch.rand(7, 4).round() if support == "unit" else torch.rand(7, 4) * 8
    prior.prepare(rows)
    assert (prior.inputs() >= low).all()
    assert (prior.inputs() <= high).all()
    torch.testing.assert_close(prior.inputs(), rows[torch.arange(5) * 7 // 5], atol=0.021, rtol=0)


def test_the_vamp_prior_needs_an_encoder():
    with pytest.raises(RecipeError, match="VampPrior is made of a model's encoder, and this model does not lend it"):
        priors.VampPrior(3, [2])()


def test_a_model_with_it_is_saved_and_loaded(device, x, tmp_path):
    model = vamp(device)
    save(model, tmp_path / "m")
    found = load(tmp_path / "m").to(device)
    score = [m.eval().score(x, generator=torch.Generator(device).manual_seed(0)) for m in (model, found)]
    assert torch.equal(*score)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: priors.Flow("planar", event_shape=[2]), "'planar' goes one way only; use affine-coupling"),
        (lambda: priors.Flow("affin-coupling"), "no transform is called 'affin-coupling'; did you mean"),
        (lambda: priors.Flow(event_shape=[1]), "ties values together, and the latent has only one; use spline"),
        (lambda: priors.Flow(event_shape=[2, 2]), r"a flow bends vectors, the latent has shape \(2, 2\)"),
        (lambda: posteriors.FullNormal([2, 2]), r"FullNormal is over vectors, the latent has shape \(2, 2\)"),
        (lambda: posteriors.LowRankNormal(0), "rank must be at least 1"),
        (lambda: posteriors.Concrete(0.0), "temperature must be positive"),
        (lambda: priors.Bernoulli(1.0), "probability must lie between 0 and 1"),
        (lambda: priors.GaussianMixture(0), "components must be at least 1"),
        (lambda: priors.Dirichlet(event_shape=[1])(), "shares of a whole are at least 2"),
        (
            lambda: VAE((4,), 3, prior=priors.Bernoulli(), posterior=posteriors.RelaxedBernoulli()),
            "the posterior RelaxedBernoulli draws values of an interval, the prior Bernoulli is over bits",
        ),
    ],
)
def test_impossible_parts_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("name", ["affine-coupling", "affine-autoregressive", "spline-coupling", "householder"])
def test_a_flow_draws_what_it_scores(name):
    prior = priors.Flow(name, count=2, hidden=[8], event_shape=[3])
    z = prior().sample((2000,))
    assert prior().log_prob(z).isfinite().all()
    one = prior()
    drawn = one.sample((5,))
    torch.testing.assert_close(one.log_prob(drawn), prior().log_prob(drawn.clone()), rtol=1e-4, atol=1e-4)


def test_a_mixture_is_the_sum_of_its_bumps(device):
    """Of unequal weight, place and width."""
    prior = priors.GaussianMixture(3, event_shape=[2]).to(device).double()
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter.normal_()
    z = torch.randn(5, 2, dtype=torch.float64, device=device)
    away = (z[:, None] - prior.loc) / prior.log_scale.exp()
    bumps = (-(away.square() + math.log(2 * math.pi)) / 2 - prior.log_scale).sum(-1)
    torch.testing.assert_close(prior().log_prob(z), (prior.logits.log_softmax(0) + bumps).logsumexp(1))


@pytest.mark.parametrize("cells", [(3,), (2, 2), ()])
def test_products_say_of_normal_components_what_torch_says(device, cells):
    """Of density and slopes, in float64; for rows in any number of dimensions."""
    kind = {"dtype": torch.float64, "device": device, "requires_grad": True}
    loc, spread, weights = torch.randn(5, *cells, **kind), torch.rand(5, *cells, **kind), torch.randn(5, **kind)
    z = torch.randn(4, 6, *cells, **kind)
    bumps = dist.Normal(2 * loc, 0.1 + spread).to_event(len(cells))
    both = [kind_of(dist.Categorical(logits=weights), bumps) for kind_of in (Mixture, dist.MixtureSameFamily)]
    ours, theirs = (p.log_prob(z) for p in both)
    torch.testing.assert_close(ours, theirs)
    slopes = [
        torch.autograd.grad(found.sum(), (z, loc, spread, weights), retain_graph=True) for found in (ours, theirs)
    ]
    torch.testing.assert_close(*slopes)


def test_of_narrow_components_products_lose_no_digits(device):
    loc = 100 + torch.randn(8, 5, device=device)
    bumps = dist.Normal(loc, torch.full_like(loc, 1e-3)).to_event(1)
    z = loc + 1e-3 * torch.randn_like(loc)
    exact = dist.MixtureSameFamily(
        dist.Categorical(torch.ones(8, dtype=torch.float64, device=device)),
        dist.Normal(loc.double(), bumps.base_dist.scale.double()).to_event(1),
    ).log_prob(z.double())
    ours = Mixture(dist.Categorical(torch.ones(8, device=device)), bumps).log_prob(z)
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours, exact.float())


class Doubled(dist.Normal):
    """A normal of somebody's own."""

    def log_prob(self, value):
        return 2 * super().log_prob(value)


@pytest.mark.parametrize(
    "components",
    [
        Doubled(torch.zeros(4, 2), 1.0).to_event(1),
        dist.StudentT(3.0, torch.zeros(4, 2)).to_event(1),
        dist.Normal(torch.zeros(6, 4, 2), 1.0).to_event(1),
    ],
)
def test_other_components_are_left_to_torch(components):
    mixture = Mixture(dist.Categorical(torch.ones(4)), components)
    z = torch.randn(6, 2)
    torch.testing.assert_close(mixture.log_prob(z), dist.MixtureSameFamily.log_prob(mixture, z))


def test_a_checking_mixture_refuses_what_is_no_number():
    bumps = dist.Normal(torch.zeros(4, 2), 1.0).to_event(1)
    with pytest.raises(ValueError, match="within the support"):
        Mixture(dist.Categorical(torch.ones(4)), bumps, validate_args=True).log_prob(torch.full((6, 2), math.nan))


def test_full_and_low_rank_normals_have_the_covariance_of_their_outputs():
    lower = torch.tensor([[1.0, 0, 0], [0.3, 0.5, 0], [-0.2, 0.7, 2.0]]).double()
    raw = lower.diagonal().expm1().log() - torch.tensor(torch.e - 1).double().log()
    full = posteriors.FullNormal([3])(torch.cat([torch.zeros(3), raw, lower[[1, 2, 2], [0, 0, 1]]]))
    torch.testing.assert_close(full.covariance_matrix, lower @ lower.T, atol=1e-4, rtol=0)
    loadings = torch.tensor([[1.0], [0.5], [-2.0]])
    low = posteriors.LowRankNormal(1, [3])(torch.cat([torch.zeros(6), loadings.flatten()]))
    torch.testing.assert_close(low.covariance_matrix, loadings @ loadings.T + torch.eye(3), atol=1e-4, rtol=0)


LATENTS = {
    "flow prior": {"prior": "flow"},
    "autoregressive prior": {"prior": {"name": "flow", "transform": "affine-autoregressive", "count": 2}},
    "flow posterior": {"posterior": "flow"},
    "spline posterior": {"posterior": {"name": "flow", "transform": "spline"}},
    "planar posterior": {"posterior": {"name": "flow", "transform": "planar"}},
    "full": {"posterior": "full-normal"},
    "low rank": {"posterior": "low-rank-normal", "prior": "gaussian-mixture"},
    "heavy tails": {"posterior": "laplace", "prior": "student-t"},
    "shares": {"posterior": "logistic-normal", "prior": "dirichlet"},
    "dirichlet": {"posterior": "dirichlet", "prior": "dirichlet"},
    "relaxed bits": {"posterior": "relaxed-bernoulli", "prior": {"name": "bernoulli", "temperature": 0.5}},
    "relaxed classes": {"posterior": "concrete", "prior": {"name": "categorical", "temperature": 0.5}},
    "bits": {"posterior": "bernoulli", "prior": "bernoulli"},
    "classes": {"posterior": "categorical", "prior": "categorical"},
    "straight through": {"posterior": {"name": "categorical", "straight_through": True}, "prior": "categorical"},
    "vamp": {"prior": {"name": "vamp", "pseudo_inputs": 10}},
    "vamp of flows": {
        "prior": {"name": "vamp", "pseudo_inputs": 4},
        "posterior": {"name": "flow", "transform": "spline"},
    },
}


@pytest.mark.parametrize("parts", LATENTS.values(), ids=LATENTS)
def test_a_vae_with_it_trains_traced_samples_scores_and_encodes(parts, device):
    network = {"name": "mlp", "hidden": [16]}
    spec = {"name": "vae", "event_shape": [1, 8, 8], "latent": 4, "encoder": network, "decoder": network, **parts}
    model = components.build(spec, "model").to(device)
    data = load_data("digits", binarise="threshold")
    history = fit(model, data, epochs=2, batch_size=100, mode="traced")
    losses = history.column("valid/loss")
    assert losses[-1] < losses[0]
    x = data.test[:5].to(device)
    assert model.sample(3).shape == (3, 1, 8, 8)
    assert model.score(x).isfinite().all()
    assert model.reconstruct(x).isfinite().all()
    copy.deepcopy(model)


def correlated(posterior, device):
    """A fixed decoder that sees only the sum of two latents, and an encoder to be trained."""
    model = VAE((1,), 2, likelihood=Gaussian(0.2), posterior=posterior, encoder=MLP((16,)), decoder=MLP(())).to(device)
    with torch.no_grad():
        model.decoder.layers[0].weight.fill_(1.0)
        model.decoder.layers[0].bias.zero_()
    model.decoder.requires_grad_(False)
    return model


@pytest.mark.slow
def test_posteriors_that_bend_beat_the_diagonal_one_where_latents_vary_together(device):
    r"""x = z_1 + z_2 + noise: the exact posterior has correlation -0.96, the diagonal one misses 1.29 nats at best."""
    x = torch.randn(1200, 1, device=device) * (2 + 0.04) ** 0.5
    exact = -torch.distributions.Normal(0.0, 2.04**0.5).log_prob(x[1000:]).mean()
    bounds = {}
    for name in ("DiagonalNormal", "FullNormal", "Flow"):
        torch.manual_seed(0)
        model = correlated(getattr(posteriors, name)(), device)
        optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 0.02)
        for _ in range(250):
            optimiser.zero_grad()
            batch = x[torch.randint(1000, (200,))]
            model.objective()(model, Batch(batch), {}).value.backward()
            optimiser.step()
        rows = Batch(x[1000:].repeat(20, 1))
        bounds[name] = model.objective().validate(model, rows)["loss"].mean() - exact
    assert bounds["DiagonalNormal"] > 1.25
    for name in ("FullNormal", "Flow"):
        assert bounds[name] < bounds["DiagonalNormal"] - 0.9, bounds


def clustered(device):
    """Six tight clusters on a circle in a plane of ten dimensions, seen through noise."""
    angle = torch.arange(6) * torch.pi / 3
    centres = torch.stack([angle.cos(), angle.sin()], -1) * 4
    plane = torch.linalg.qr(torch.randn(10, 2)).Q
    z = centres[torch.randint(6, (1500,))] + 0.2 * torch.randn(1500, 2)
    return (z @ plane.T + 0.3 * torch.randn(1500, 10)).to(device)


@pytest.mark.slow
@pytest.mark.parametrize(
    "prior", [{"name": "gaussian-mixture", "components": 12}, {"name": "vamp", "pseudo_inputs": 12}]
)
def test_priors_with_several_bumps_beat_the_normal_one_on_clustered_data(prior, device):
    x = clustered(device)
    bounds = []
    for spec in ("standard-normal", prior):
        torch.manual_seed(0)
        parts = {"likelihood": Gaussian("learned"), "encoder": MLP((32,)), "decoder": MLP(())}
        model = VAE((10,), 2, prior=components.build(spec, "prior"), **parts).to(device)
        model.prepare(x[:1000])
        optimiser = torch.optim.Adam(model.parameters(), 0.02)
        for _ in range(300):
            optimiser.zero_grad()
            model.objective()(model, Batch(x[torch.randint(1000, (200,))]), {}).value.backward()
            optimiser.step()
        bounds.append(model.objective().validate(model, Batch(x[1000:]))["loss"])
    gain = bounds[0] - bounds[1]
    interval = 3 * gain.std() / len(gain) ** 0.5
    assert gain.mean() - interval > 1.0, (bounds[0].mean(), bounds[1].mean())
