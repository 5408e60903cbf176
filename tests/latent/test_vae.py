"""The variational autoencoder: its verbs, its refusals, and the parts that a user brings."""

import copy

import pyro.distributions as dist
import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from genlatent import components
from genlatent.distributions.base import Likelihood, Prior
from genlatent.distributions.likelihoods import Bernoulli, ContinuousBernoulli, Gaussian
from genlatent.distributions.reconstructions import CrossEntropy
from genlatent.errors import DataError, RecipeError
from genlatent.latent.base import LatentModel
from genlatent.latent.vae import VAE
from genlatent.networks.convolutional import ConvDecoder, ConvEncoder
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch


class Poisson(Likelihood):
    support = "count"

    def forward(self, params):
        return dist.Poisson(softplus(params.unflatten(-1, self.event_shape))).to_event(len(self.event_shape))


class Mixture(Prior):
    def bind(self, event_shape):
        super().bind(event_shape)
        self.loc = nn.Parameter(torch.randn(4, *self.event_shape))

    def forward(self):
        parts = dist.Normal(self.loc, 1.0).to_event(1)
        return dist.MixtureSameFamily(dist.Categorical(self.loc.new_ones(4)), parts)


KINDS = {
    "plain": {},
    "convolutional": {"encoder": ConvEncoder((4,)), "decoder": ConvDecoder((4,)), "likelihood": Gaussian("per-output")},
    "own prior": {"prior": Mixture(), "likelihood": ContinuousBernoulli()},
    "plain pyro prior": {"prior": dist.StudentT(5.0, 0.0, 1.0), "likelihood": Gaussian("learned")},
    "foreign": {
        "encoder": nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.BatchNorm1d(6), nn.Dropout(0.5)),
        "decoder": nn.Linear(3, 64),
    },
    "two dimensions": {"latent": (3, 1), "missing": True},
}


@pytest.fixture(params=KINDS)
def model(request, device):
    parts = copy.deepcopy(KINDS[request.param])
    return VAE(**{"event_shape": (1, 8, 8), "latent": 3, **parts}).to(device)


@pytest.fixture
def x(device):
    return (torch.rand(10, 1, 8, 8, device=device) < 0.3).float()


def stream(device, seed=0):
    return torch.Generator(device).manual_seed(seed)


def step(model, x, optimiser, objective):
    optimiser.zero_grad()
    loss = objective(model, Batch(x), {})
    loss.value.backward()
    optimiser.step()
    return loss.value.item()


def train(model, x, steps=100, rate=0.01):
    optimiser, objective = torch.optim.Adam(model.parameters(), rate), model.objective()
    return [step(model, x, optimiser, objective) for _ in range(steps)]


def test_verbs(model, x):
    z = model.encode(x)
    assert z.shape == (10, *model.latent_shape)
    assert model.decode(z).shape == model.reconstruct(x).shape == x.shape
    torch.testing.assert_close(model.reconstruct(x), model.decode(z))
    assert model.sample(4).shape == (4, 1, 8, 8)
    assert model.score(x).shape == (10,)
    assert model.log_weights(x, 5).shape == (5, 10)
    assert model.log_weights(x, 5).dtype == torch.float64


def test_samples_lie_in_the_support(model, device):
    model.likelihood.check(model.sample(50, generator=stream(device)))


def test_verbs_leave_everything_as_it_was(model, x, device):
    model.train()
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    own = stream(device)
    model.encode(x), model.reconstruct(x)
    model.sample(3, generator=own), model.score(x, generator=own)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(part.training for part in model.modules())
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(p.grad is not None for p in model.parameters())


def test_draws_belong_to_the_generator(model, x, device):
    for verb in (lambda g: model.sample(3, generator=g), lambda g: model.score(x, generator=g)):
        first, again, other = verb(stream(device)), verb(stream(device)), verb(stream(device, 1))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)


def test_gradients_reach_every_parameter(model, x):
    model.objective()(model, Batch(x), {}).value.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in model.parameters())


def test_round_trip_through_plain_values(model, x, device):
    rebuilt = components.build(components.describe(model), "model", allow=[__name__]).to(device)
    rebuilt.load_state_dict(model.state_dict())
    assert components.describe(rebuilt) == components.describe(model)
    torch.testing.assert_close(
        rebuilt.score(x, generator=stream(device)), model.score(x, generator=stream(device)), rtol=1e-6, atol=0
    )


def test_score_is_one_pass_or_many(x, device, monkeypatch):
    model = VAE((1, 8, 8), 3).to(device)
    monkeypatch.setattr("genlatent.latent.base.ROWS_AT_ONCE", 25)
    weights = model.log_weights(x, 7, stream(device))
    assert weights.shape == (7, 10)
    expected = weights.logsumexp(0) - torch.tensor(7.0).double().log()
    torch.testing.assert_close(model.score(x, generator=stream(device), num_samples=7), expected)
    with pytest.raises(ValueError, match="num_samples must be at least 1"):
        model.score(x, num_samples=0)


def test_more_samples_raise_the_expected_score(x, device):
    model = VAE((1, 8, 8), 3).to(device)
    train(model, x, 50)
    one, many = (model.score(x.repeat(50, 1, 1, 1), num_samples=k).mean() for k in (1, 50))
    assert one < many


def test_decoding_given_codes(device):
    model = VAE((1, 8, 8), 3).to(device)
    z = torch.randn(6, 3, device=device)
    draws = torch.stack([model.sample(6, given={"z": z}, generator=stream(device, i)) for i in range(400)])
    assert (draws.mean(0) - model.decode(z)).abs().max() < 0.15
    with pytest.raises(RecipeError, match="cannot be conditioned on 'label'; it knows: z"):
        model.sample(3, given={"label": 3})
    with pytest.raises(DataError, match="6 rows for 5 draws"):
        model.sample(5, given={"z": z})


@pytest.mark.parametrize(
    "likelihood", [Bernoulli(), Gaussian(), Gaussian("per-output"), ContinuousBernoulli()], ids=str
)
def test_the_decoder_starts_from_the_mean(likelihood, device):
    model = VAE((1, 8, 8), 3, likelihood=copy.deepcopy(likelihood), decoder=MLP(())).to(device)
    rows = torch.rand(50, 1, 8, 8, device=device)
    rows[0, 0, 0, 0] = torch.nan
    model.prepare(rows)
    start = model.decode(torch.zeros(1, 3, device=device))[0]
    torch.testing.assert_close(start, rows.nanmean(0), atol=2e-3, rtol=0)


def test_preparing_leaves_foreign_decoders_and_likelihoods_alone(x, device):
    foreign, poisson = (
        VAE((1, 8, 8), 3, decoder=nn.Linear(3, 64)).to(device),
        VAE((1, 8, 8), 3, likelihood=Poisson()).to(device),
    )
    for model in (foreign, poisson):
        before = copy.deepcopy(model.state_dict())
        model.prepare(x)
        assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_users_own_likelihood_and_prior_learn(device):
    rates = torch.tensor([1.0, 4.0, 9.0, 2.0], device=device)
    x = torch.poisson(rates.expand(200, 4))
    model = VAE((4,), 2, likelihood=Poisson(), prior=Mixture(), encoder=MLP((8,)), decoder=MLP((8,))).to(device)
    assert model.support == "count"
    losses = train(model, x, 400, rate=0.02)
    exact = -dist.Poisson(rates).log_prob(x).sum(1).mean().item()
    assert sum(losses[-50:]) / 50 < exact + 0.5 < losses[0]
    assert (model.sample(2000, generator=stream(device)).mean(0) - rates).abs().max() < 0.5


def test_copies_learn_apart(x, device):
    model = VAE((1, 8, 8), 3).to(device)
    twin = copy.deepcopy(model)
    before = copy.deepcopy(twin.state_dict())
    train(model, x, 3)
    assert all(torch.equal(before[name], value) for name, value in twin.state_dict().items())
    assert isinstance(twin, LatentModel)


def test_missing_rows_are_encoded_and_scored(x, device):
    model = VAE((1, 8, 8), 3, missing=True).to(device)
    holed = x.clone()
    holed[:, :, :4] = torch.nan
    holed[0] = torch.nan
    assert model.reconstruct(holed).isfinite().all()
    scores = model.score(holed)
    assert scores.isfinite().all()
    assert (scores > model.score(x))[1:].all()
    train(model, holed, 5)
    assert all(p.isfinite().all() for p in model.parameters())


def test_a_row_without_any_value_has_probability_one(device):
    model = VAE((1, 8, 8), 3, prior=dist.Normal(0.0, 1.0), missing=True).to(device)
    gone = torch.full((1, 1, 8, 8), torch.nan, device=device)
    for p in model.encoder.parameters():
        nn.init.zeros_(p)
    torch.testing.assert_close(model.score(gone), torch.zeros(1, dtype=torch.float64, device=device), atol=1e-6, rtol=0)


def test_rows_of_another_layout_are_reshaped(x, device):
    model = VAE((1, 8, 8), 3).to(device)
    torch.testing.assert_close(model.encode(x.flatten(1)), model.encode(x))


def test_bad_rows(x, device):
    model = VAE((1, 8, 8), 3).to(device)
    with pytest.raises(DataError, match=r"VAE takes rows of shape \(1, 8, 8\), the data has rows of shape \(1, 7, 8\)"):
        model.check(x[:, :, :7])
    with pytest.raises(DataError, match=r"Bernoulli: 0\.5 in row 0.*ContinuousBernoulli"):
        model.score(x / 2 + 0.5 * (x == 0))
    x[2, 0, 0, 0] = torch.nan
    for verb in (model.encode, model.score, model.check):
        with pytest.raises(DataError, match="NaN in"):
            verb(x)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: VAE((1, 8, 8), encoder=MLP(outputs=30)),
            "encoder gives 30 outputs, the posterior of 20 latents needs 40",
        ),
        (lambda: VAE((1, 8, 8), decoder=MLP(outputs=30)), r"decoder gives 30 outputs, the Bernoulli of .* needs 64"),
        (lambda: VAE((1, 8, 8), encoder=MLP(inputs=30)), r"encoder takes inputs of shape \(30,\)"),
        (lambda: VAE((64,), encoder=ConvEncoder()), "ConvEncoder takes images"),
        (lambda: VAE((64,), latent=0), "latent must be at least 1, got 0"),
        (lambda: VAE(()), "event_shape must be at least 1"),
        (lambda: VAE((64,), prior=dist.Normal(torch.zeros(3), 1.0)), r"shape \(3,\), the latent has shape \(20,\)"),
        (lambda: VAE((64,), likelihood=CrossEntropy()), "CrossEntropy is no likelihood, and a VAE needs a density"),
        (lambda: VAE((64,), likelihood=Bernoulli([8, 8])), r"events of shape \(8, 8\), not \(64,\)"),
    ],
)
def test_parts_that_do_not_fit(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_foreign_encoder_of_the_wrong_size_is_refused_at_its_first_use(x, device):
    model = VAE((1, 8, 8), 20, encoder=nn.Sequential(nn.Flatten(), nn.Linear(64, 30))).to(device)
    with pytest.raises(RecipeError, match="the encoder gives 30 outputs, the posterior of 20 latents needs 40"):
        model.objective()(model, Batch(x), {})
