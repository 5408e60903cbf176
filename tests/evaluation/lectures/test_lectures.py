"""Each lecture's numbers where they are known exactly, or where one side must win."""

import math

import numpy as np
import pytest
import torch

from genlatent import BetaVAE, load_data
from genlatent.components import build, describe
from genlatent.data.dataset import Dataset, Splits
from genlatent.distributions.likelihoods.gaussian import Gaussian
from genlatent.distributions.posteriors.laplace import Laplace
from genlatent.errors import Unsupported
from genlatent.evaluation.latents import latent_use
from genlatent.evaluation.lectures.amortisation import amortisation_gap
from genlatent.evaluation.lectures.divergences import nearest_normals, two_modes
from genlatent.evaluation.lectures.gradient_noise import gradient_noise, noise_by_dimension
from genlatent.evaluation.lectures.manifold import manifold
from genlatent.evaluation.lectures.noisy_codes import FixedNoise, kinds_of_codes
from genlatent.evaluation.lectures.rate_distortion import rate_distortion
from genlatent.latent.vae import VAE
from genlatent.networks.mlp import MLP
from genlatent.objectives.base import Batch
from genlatent.objectives.elbo import ELBO
from genlatent.training.optimizer import Optimizer


def test_both_gradient_estimates_agree_with_the_exact_one_and_have_their_variances():
    r"""Of :math:`\|z\|^2 / 2` the gradient is the mean; variances are 1 and those of a sum of moments."""
    mean = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)
    found = gradient_noise(_half_square, mean, num_draws=200_000, generator=torch.Generator().manual_seed(0))
    for estimate, variance in (
        (found.pathwise_mean, found.pathwise_variance),
        (found.score_mean, found.score_variance),
    ):
        assert ((estimate - mean).abs() < 5 * (variance / 200_000).sqrt()).all()
    torch.testing.assert_close(found.pathwise_variance, torch.ones(3).double(), rtol=0.02, atol=0)


def _half_square(z):
    return z.square().sum(-1) / 2


def test_the_score_functions_variance_grows_with_the_dimension():
    """At mean 1 in D dimensions it is the variance of f(z) e: E[f^2 e^2] - 1 by moments of the normal."""
    found = noise_by_dimension([1, 4, 16], num_draws=100_000, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(found[:, 0], torch.ones(3).double(), rtol=0.02, atol=0)
    expected = torch.tensor([_score_variance(size) for size in (1, 4, 16)]).double()
    torch.testing.assert_close(found[:, 1], expected, rtol=0.08, atol=0)


def _score_variance(size):
    """With a = (1 + e)^2 / 2: E[a] = 1, E[a^2] = 2.5, E[a e^2] = 2, E[a^2 e^2] = 8.5."""
    rest, square = size - 1, 2.5 * (size - 1) + (size - 1) * (size - 2)
    return 8.5 + 2 * 2 * rest + square - 1


def test_moments_of_a_normal_by_quadrature():
    """The moments used above."""
    e, w = np.polynomial.hermite_e.hermegauss(20)
    a, w = (1 + e) ** 2 / 2, w / w.sum()
    assert [float((w * v).sum()) for v in (a, a**2, a * e**2, a**2 * e**2)] == pytest.approx([1, 2.5, 2, 8.5])


def test_forward_matches_moments_and_reverse_seeks_the_larger_mode():
    found = nearest_normals(two_modes(distance=8.0, share=0.7))
    mean = 0.7 * -4 + 0.3 * 4
    variance = 0.7 * (0.49 + 16) + 0.3 * (1 + 16) - mean**2
    assert found.forward == pytest.approx((mean, math.sqrt(variance)), abs=1e-6)
    assert found.reverse == pytest.approx((-4.0, 0.7), abs=1e-2)
    assert found.reverse_divergence == pytest.approx(-math.log(0.7), abs=1e-3)
    assert found.forward_divergence > 0


def test_one_mode_is_found_either_way():
    found = nearest_normals(torch.distributions.Normal(torch.tensor(1.5).double(), 0.8))
    for parameters in (found.forward, found.reverse):
        assert parameters == pytest.approx((1.5, 0.8), abs=1e-3)
    assert found.reverse_divergence == pytest.approx(0.0, abs=1e-5)


@pytest.fixture
def linear(device):
    """A linear-Gaussian VAE with orthogonal loadings, at its exact posterior."""
    loadings = torch.linalg.qr(torch.randn(5, 2).double())[0] * torch.tensor([2.0, 1.0]).double()
    model = VAE((5,), 2, likelihood=Gaussian(0.6), encoder=MLP(()), decoder=MLP(())).double()
    variance = 1 / (1 + loadings.square().sum(0) / 0.36)
    gain = variance[:, None] * loadings.T / 0.36
    with torch.no_grad():
        model.decoder.layers[0].weight.copy_(loadings)
        model.decoder.layers[0].bias.zero_()
        model.encoder.layers[0].weight.copy_(torch.cat([gain, 0 * gain]))
        model.encoder.layers[0].bias.copy_(torch.cat([torch.zeros(2), variance.log()]))
    return model.to(device)


def test_an_exact_encoder_has_no_gap_and_a_wrong_one_has_its_divergence(linear, device):
    x = torch.randn(8, 5, dtype=torch.float64, device=device)
    covariance = linear.decoder.layers[0].weight @ linear.decoder.layers[0].weight.T + 0.36 * torch.eye(5).to(x)
    exact = torch.distributions.MultivariateNormal(x.new_zeros(5), covariance.detach()).log_prob(x)
    none = amortisation_gap(linear, x, steps=20, learning_rate=0.002, generator=torch.Generator(device).manual_seed(0))
    torch.testing.assert_close(none.marginal, exact, atol=1e-2, rtol=0)
    assert none.amortisation.abs().max() < 1e-2
    with torch.no_grad():
        linear.encoder.layers[0].bias[:2] += 0.3
        q = linear.infer(x)
        posterior = torch.distributions.Normal(q.mean - 0.3, q.stddev)
        expected = torch.distributions.kl_divergence(torch.distributions.Normal(q.mean, q.stddev), posterior).sum(-1)
    found = amortisation_gap(linear, x, steps=300, generator=torch.Generator(device).manual_seed(0))
    torch.testing.assert_close(found.amortisation, expected, atol=0.1, rtol=0.1)
    torch.testing.assert_close(found.marginal, exact, atol=1e-2, rtol=0)


def test_the_gap_is_refused_where_q_is_no_diagonal_normal():
    model = VAE((1, 8, 8), 2, posterior=Laplace())
    with pytest.raises(Unsupported, match="diagonal normal"):
        amortisation_gap(model, torch.zeros(3, 1, 8, 8))


def test_a_fixed_noise_is_an_autoencoder_with_noise_and_an_l2_penalty(device):
    """The bound equals the formula, draw for draw, and so does its gradient."""
    model = VAE((6,), 2, posterior=FixedNoise(0.5), encoder=MLP((8,)), decoder=MLP((8,))).to(device)
    x = (torch.rand(10, 6, device=device) < 0.4).float()
    torch.manual_seed(1)
    found = ELBO()(model, Batch(x), {}).value
    torch.manual_seed(1)
    code = model.encoder(x)
    noisy = code + 0.5 * torch.normal(torch.zeros_like(code), torch.ones_like(code))
    constant = 2 / 2 * (0.25 - 1 - math.log(0.25))
    by_hand = (model.likelihood.loss(model.params(noisy), x) + code.square().sum(-1) / 2).mean() + constant
    torch.testing.assert_close(found, by_hand)
    for a, b in zip(*(torch.autograd.grad(value, list(model.parameters())) for value in (found, by_hand))):
        torch.testing.assert_close(a, b)
    assert repr(build(describe(FixedNoise(0.3)), "posterior").scale) == "0.3"
    with pytest.raises(ValueError, match="scale must be positive"):
        FixedNoise(0.0)


@pytest.fixture(scope="module")
def digits():
    return load_data("digits", binarise="threshold")


def test_only_the_autoencoders_codes_lie_where_they_like(digits):
    free, noisy, vae = kinds_of_codes(digits, epochs=25, hidden=64)
    assert free.spread > 1.5 * noisy.spread
    assert 0.3 < vae.spread < 1.5
    assert free.reconstruction < vae.reconstruction
    assert vae.samples.shape == (64, 1, 8, 8)


def test_rate_falls_and_distortion_rises_with_beta(digits):
    def make(beta):
        return BetaVAE((1, 8, 8), 4, beta=beta, encoder=MLP((32,)), decoder=MLP((32,)))

    points = rate_distortion(digits, make, (1.0, 0.1, 4.0), epochs=8, batch_size=50, validate_every=8)
    assert [point.beta for point in points] == [0.1, 1.0, 4.0]
    rates, distortions = [p.rate for p in points], [p.distortion for p in points]
    assert rates == sorted(rates, reverse=True)
    assert distortions == sorted(distortions)
    assert points[0].bound == -rates[0] - distortions[0]
    assert all(point.information_gap is None for point in points), "the classes of digits are not factors"


def test_where_factors_are_known_each_point_has_its_gap():
    """A code made of the factors themselves: nothing is trained, so the gap is the one of the perfect code."""
    y = torch.cartesian_prod(torch.arange(3), torch.arange(4)).repeat(20, 1)
    x = y.float()
    data = Dataset(x, x, x, torch.Size([2]), "real", "factors", labels=Splits(y, y, y), label_names=("a", "b"))
    points = rate_distortion(data, _copies, (1.0, 2.0), steps=1, optimizer=Optimizer(learning_rate=1e-9))
    assert [point.information_gap for point in points] == pytest.approx([1.0, 1.0], abs=1e-6)


def _copies(beta):
    model = BetaVAE((2,), 2, likelihood=Gaussian(1.0), encoder=MLP(()), decoder=MLP(()), beta=beta)
    with torch.no_grad():
        model.encoder.layers[0].weight.copy_(torch.eye(4, 2))
    return model


def test_the_manifold_is_decoded_from_quantiles_upwards():
    model = VAE((2,), 2, likelihood=Gaussian(1.0), encoder=MLP(()), decoder=MLP(()))
    with torch.no_grad():
        model.decoder.layers[0].weight.copy_(torch.eye(2))
        model.decoder.layers[0].bias.zero_()
    found = manifold(model, 5)
    assert found.shape == (5, 5, 2)
    assert found[2, 2].abs().max() < 1e-6
    assert (found[0, :, 1] > found[4, :, 1]).all()
    assert float(torch.special.ndtr(found[0, 4, 0])) == pytest.approx(0.98, abs=1e-5)
    with pytest.raises(Unsupported, match="2 latents"):
        manifold(VAE((2,), 3))


def test_use_tells_what_the_metrics_count(linear, device):
    x = torch.randn(50, 5, dtype=torch.float64, device=device)
    found = latent_use(linear, x)
    mean = linear.encode(x)
    torch.testing.assert_close(found.variance, mean.var(0))
    assert found.active.tolist() == (mean.var(0) > 0.01).tolist()
