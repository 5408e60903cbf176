"""A density of codes: against the mixture that the codes came from, and what a model with one says of itself."""

import copy

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.svm import SVC
from torch import nn

from genlatent import fit, load, load_data, pretrain, save
from genlatent.autoencoders.autoencoder import Autoencoder
from genlatent.autoencoders.density import CodeDensity, best_components
from genlatent.autoencoders.generative import GenerativeAutoencoder
from genlatent.autoencoders.masked import MaskedAutoencoder
from genlatent.autoencoders.sparse_coding import SparseCoding
from genlatent.errors import DataError, RecipeError, Unsupported
from genlatent.evaluation.evaluate import evaluate
from genlatent.networks.mlp import MLP
from genlatent.objectives.followed_codes import FollowedCodes
from genlatent.training.optimizer import Optimizer

SHARES = torch.tensor([0.2, 0.8])
MEANS = torch.tensor([[-3.0, 0.0], [2.0, 1.0]])
FACTORS = torch.tensor([[[0.5, 0.0], [0.3, 0.2]], [[1.0, 0.0], [-0.5, 0.6]]])
COVARIANCES = FACTORS @ FACTORS.mT


@pytest.fixture
def known(device):
    density = CodeDensity(2, 2).to(device)
    for name, values in (("shares", SHARES), ("means", MEANS), ("covariances", COVARIANCES)):
        getattr(density, name).copy_(values)
    return density


def test_log_prob_is_scipys(known):
    z = torch.randn(50, 2, device=known.means.device)
    parts = [multivariate_normal(m, c).pdf(z.cpu()) for m, c in zip(MEANS.double(), COVARIANCES.double())]
    expected = np.log(SHARES.numpy() @ np.stack(parts))
    np.testing.assert_allclose(known.log_prob(z).cpu(), expected, atol=1e-3, rtol=1e-3)


def test_samples_have_the_moments(known):
    n = 100_000
    z = known.sample(n, generator=torch.Generator(device=known.means.device).manual_seed(1)).cpu()
    mean = SHARES @ MEANS
    second = torch.einsum("k,kde->de", SHARES, COVARIANCES + MEANS[:, :, None] * MEANS[:, None, :])
    covariance = second - mean[:, None] * mean
    error = (covariance.diagonal() / n).sqrt()
    assert ((z.mean(0) - mean).abs() < 5 * error).all()
    assert ((z.T.cov() - covariance).abs() < 0.03 * covariance.diagonal().max()).all()
    left = (z[:, 0] < -1).float().mean()
    exact = 0.2 + 0.8 * torch.distributions.Normal(2.0, 1.0).cdf(torch.tensor(-1.0))
    assert abs(left - exact) < 5 * (exact * (1 - exact) / n) ** 0.5 + 1e-4


def test_it_recovers_a_known_mixture(known):
    z = known.sample(20_000)
    found = CodeDensity(2, 2).to(z.device)
    found.fit(z)
    order = found.means[:, 0].argsort()
    torch.testing.assert_close(found.shares[order].cpu(), SHARES, atol=0.01, rtol=0)
    torch.testing.assert_close(found.means[order].cpu(), MEANS, atol=0.04, rtol=0)
    torch.testing.assert_close(found.covariances[order].cpu(), COVARIANCES, atol=0.05, rtol=0)


def test_a_whole_step_is_a_step_of_expectation_and_maximisation(known):
    z = known.sample(500)
    moved = known.moved(z, rate=1.0)
    r = known.joint(z).softmax(1)
    torch.testing.assert_close(moved["shares"], r.mean(0))
    for k in range(2):
        mean = r[:, k] @ z / r[:, k].sum()
        torch.testing.assert_close(moved["means"][k], mean)
        expected = (r[:, k, None] * (z - mean)).T @ (z - mean) / r[:, k].sum()
        torch.testing.assert_close(moved["covariances"][k], expected, atol=1e-5, rtol=1e-4)


def test_small_steps_mix_moments(known):
    """Shares, first and second moments of the whole mixture move by exactly the rate towards those of the batch."""
    density, z, rate = known.double(), torch.randn(40, 2, dtype=torch.float64, device=known.means.device), 0.1
    after = copy.deepcopy(density)
    for name, value in density.moved(z, rate).items():
        getattr(after, name).copy_(value)
    moments = [mixed_moments(one) for one in (density, after)]
    batch = (z.mean(0), z.T @ z / len(z))
    for old, new, of_batch in zip(*moments, batch):
        torch.testing.assert_close(new, (1 - rate) * old + rate * of_batch)


def mixed_moments(density):
    second = density.covariances + density.means[:, :, None] * density.means[:, None, :]
    return density.shares @ density.means, torch.einsum("k,kde->de", density.shares, second)


@pytest.mark.parametrize("held_out", [False, True])
def test_the_number_of_components_is_found(known, held_out):
    z = known.sample(2000)
    assert best_components(z, (1, 2), known.sample(2000) if held_out else None) == 2
    assert best_components(z, (2, 8)) == 2


def test_codes_without_any_variance_keep_a_density(device):
    density = CodeDensity(2, 3).to(device)
    z = torch.randn(100, 3, device=device) * torch.tensor([1.0, 0.0, 1e-4], device=device)
    density.fit(z)
    assert density.log_prob(z).isfinite().all()
    assert density.sample(5).isfinite().all()


@pytest.fixture
def trained(device):
    """An encoder and a decoder that are each other's inverse on a plane."""
    basis = torch.linalg.qr(torch.randn(6, 2))[0]
    model = Autoencoder((6,), 2, encoder=nn.Linear(6, 2, bias=False), decoder=nn.Linear(2, 6, bias=False))
    with torch.no_grad():
        model.encoder.weight.copy_(basis.T)
        model.decoder.weight.copy_(basis)
    return model.to(device)


def test_draws_are_reconstructions_of_drawn_codes(trained, known):
    x = trained.decode(known.sample(5000))
    before = copy.deepcopy(trained.state_dict())
    model = GenerativeAutoencoder.of_trained(trained, x, components=(1, 2, 3))
    assert model.components == 2
    assert all(torch.equal(before[name], value) for name, value in trained.state_dict().items())
    drawn = model.sample(5000, generator=torch.Generator(device=x.device).manual_seed(2))
    torch.testing.assert_close(model.reconstruct(drawn), drawn, atol=1e-4, rtol=1e-4)
    close = 5 * (2 * x.var(0) / 5000).sqrt()
    assert ((drawn.mean(0) - x.mean(0)).abs() < close).all()
    torch.testing.assert_close(drawn.T.cov(), x.T.cov(), atol=0.2, rtol=0.1)


def test_saved_and_loaded_it_draws_the_same(device, tmp_path):
    x = torch.rand(200, 1, 4, 4, device=device)
    model = GenerativeAutoencoder.of_trained(Autoencoder((1, 4, 4), (2, 2)).to(device), x, components=3)
    save(model, tmp_path / "model")
    found = load(tmp_path / "model").to(device)
    one, two = (m.sample(7, generator=torch.Generator(device=device).manual_seed(5)) for m in (model, found))
    assert torch.equal(one, two)
    assert torch.equal(found.density.log_prob(x.flatten(1)[:, :4]), model.density.log_prob(x.flatten(1)[:, :4]))
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["config.json", "model.safetensors"]


def test_training_is_that_of_the_autoencoder_alone():
    data = load_data("digits")
    parts = {"encoder": MLP((16,)), "decoder": MLP((16,))}
    alone = Autoencoder((1, 8, 8), 3, **parts)
    model = GenerativeAutoencoder(copy.deepcopy(alone), 4)
    fit(alone, data, steps=20)
    fit(model, data, steps=20)
    for name, value in alone.state_dict().items():
        torch.testing.assert_close(model.autoencoder.state_dict()[name], value)


@pytest.fixture(scope="module")
def generator_of_digits():
    """Trained as its recipe says, but for shorter."""
    torch.manual_seed(0)
    data = load_data("digits")
    model = GenerativeAutoencoder(Autoencoder((1, 8, 8), 10, encoder=MLP((128,)), decoder=MLP((128,))), 20)
    pretrain(model, data, epochs=40, optimizer=Optimizer(learning_rate=2e-3), validate_every=40)
    fit(model, data, epochs=10, optimizer=Optimizer(learning_rate=1e-3, schedule="linear"), validate_every=10)
    return model, data


def test_the_density_keeps_up_with_the_codes(generator_of_digits):
    model, data = generator_of_digits
    z = model.codes(data.valid)
    exact = GenerativeAutoencoder.of_trained(model.autoencoder, data.train, 20)
    assert model.density.log_prob(z).mean() > exact.density.log_prob(z).mean() - 1.0
    torch.testing.assert_close(model.density.shares.sum(), torch.tensor(1.0))


def test_a_classifier_takes_its_draws_for_digits_of_every_class(generator_of_digits):
    model, data = generator_of_digits
    judge = SVC().fit(data.train.flatten(1), data.labels.train)
    assert judge.score(data.test.flatten(1), data.labels.test) > 0.97
    drawn = model.sample(400, generator=torch.Generator().manual_seed(1))
    margins = np.sort(judge.decision_function(drawn.flatten(1)), 1)
    assert (margins[:, -1] - margins[:, -2] > 0.9).mean() > 0.98
    assert np.bincount(judge.predict(drawn.flatten(1)), minlength=10).min() >= 12  # of 40 if even


def test_what_was_trained_before_is_not_prepared_again():
    x = torch.rand(60, 1, 4, 4) + 3
    model = GenerativeAutoencoder(Autoencoder((1, 4, 4), 2), 2)
    (layer,) = model.stack()
    torch.nn.init.normal_(layer.decoder.output_layer().bias)
    model.adopt([layer])
    model.prepare(x)
    for name, value in layer.state_dict().items():
        assert torch.equal(model.autoencoder.state_dict()[name], value)


def test_no_number_of_it_is_nats_of_data():
    data = load_data("digits")
    model = GenerativeAutoencoder.of_trained(Autoencoder((1, 8, 8), 3), data.train, 2)
    records = evaluate(model, data)
    assert records
    assert all(record.unit != "nats" and "likelihood" not in record.metric for record in records)
    with pytest.raises(Unsupported, match="no density of x, only of codes"):
        model.log_prob(data.test)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GenerativeAutoencoder(MaskedAutoencoder((1, 8, 8))), "MaskedAutoencoder has no codes that it could"),
        (lambda: GenerativeAutoencoder(Autoencoder((4,), 2), 0), "components must be at least 1, got 0"),
        (lambda: FollowedCodes().init(GenerativeAutoencoder(SparseCoding((4,), 2), 2), torch.rand(9, 4)), "it first"),
        (lambda: FollowedCodes(rate=0.0), "rate is a share above 0 and at most 1, got 0.0"),
        (lambda: best_components(torch.randn(9, 2), ()), "no number of components"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(RecipeError, match=message):
        make()


def test_too_few_codes():
    with pytest.raises(DataError, match="5 codes are too few for 3 components"):
        CodeDensity(3, 2).fit(torch.randn(5, 2))
