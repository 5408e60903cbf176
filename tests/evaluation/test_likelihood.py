import math

import pytest
import torch

from genlatent import RBM, VAE
from genlatent.evaluation.likelihood import (
    exact,
    importance_bound,
    mean_interval,
    pseudo_likelihood,
    trusted,
)


def every_state(device, n):
    return torch.cartesian_prod(*[torch.tensor([0.0, 1.0], device=device)] * n)


def skewed_rbm(visible, hidden, device):
    torch.manual_seed(3)
    rbm = RBM(visible=visible, hidden=hidden).to(device)
    for parameter in rbm.parameters():
        parameter.data.normal_(0.3, 0.8)
    return rbm


def test_the_exact_likelihood_is_the_mean_of_probabilities_that_sum_to_one(device):
    rbm = skewed_rbm(4, 3, device)
    states = every_state(device, 4)
    log_p = torch.stack([torch.tensor(exact(rbm, row[None]).value) for row in states])
    assert float(log_p.double().exp().sum()) == pytest.approx(1.0, abs=1e-5)
    assert exact(rbm, states).value == pytest.approx(float(log_p.mean()), abs=1e-5)


@torch.no_grad()
def conditional_log_probs(rbm, row):
    """Log-probability of each unit given the others, by the enumerated normaliser."""
    flipped = row.repeat(len(row), 1)
    flipped.fill_diagonal_(0).add_(torch.diag(1 - row))
    p, q = rbm.log_prob(row[None]).exp(), rbm.log_prob(flipped).exp()
    return (p / (p + q)).log()


def test_pseudo_likelihood_agrees_with_conditionals_of_the_enumerated_machine(device):
    rbm, states = skewed_rbm(4, 3, device), every_state(device, 4)
    expected = torch.stack([conditional_log_probs(rbm, row).sum() for row in states]).mean()
    assert pseudo_likelihood(rbm, states, "it is small").value == pytest.approx(float(expected), abs=1e-4)


class KnownWeights:
    """Log-weights log p + noise whose mean weight is p: the bound must climb to log p."""

    def __init__(self, log_p, spread):
        self.log_p, self.spread = log_p, spread

    def log_weights(self, x, num_samples, generator):
        noise = torch.randn(num_samples, len(x), generator=generator, dtype=torch.float64) * self.spread
        return self.log_p + noise - self.spread**2 / 2


def test_the_bound_reaches_a_known_likelihood_and_the_elbo_lies_below_it_by_half_the_variance(device):
    bound, elbo = importance_bound(KnownWeights(-7.0, 0.5), torch.zeros(400, 1, device=device), samples=2000)
    standard_error = 0.5 / math.sqrt(400 * 2000)
    assert bound.value == pytest.approx(-7.0, abs=10 * standard_error)
    assert elbo.value == pytest.approx(-7.125, abs=10 * standard_error)
    assert bound.verdict == "ok"
    assert bound.unit == "nats"


def test_weights_with_a_heavy_tail_fail_with_their_shape(device):
    bound, _ = importance_bound(KnownWeights(-7.0, 6.0), torch.zeros(100, 1, device=device), samples=50)
    assert bound.verdict == "failed"
    assert "k-hat above 0.41" in bound.reason, "50 draws bear no more"
    assert "annealing in z" in bound.reason


@pytest.mark.parametrize(("heavy", "verdict"), [(4, "ok"), (20, "doubtful"), (70, "failed")])
def test_the_verdict_goes_by_the_share_of_rows_whose_tail_is_heavy(heavy, verdict, device):
    shapes = torch.where(torch.arange(100, device=device) < heavy, 0.9, 0.2)
    found, reason = trusted(torch.full((100,), 50.0, device=device), shapes, 5000)
    assert found == verdict
    assert f"in {heavy}.0% of the rows" in reason
    assert ("the guide misses the posterior" in reason) == (heavy > 5)


@pytest.mark.parametrize(("draws", "verdict"), [(100, "doubtful"), (500, "ok"), (5000, "ok")])
def test_a_tail_that_more_draws_can_bear_asks_for_them(draws, verdict, device):
    found, reason = trusted(torch.full((100,), 50.0, device=device), torch.full((100,), 0.6, device=device), draws)
    assert found == verdict
    assert ("317 draws a row would do" in reason) == (verdict == "doubtful")


def test_too_few_draws_for_a_shape_are_judged_by_the_effective_sample_size(device):
    bound, _ = importance_bound(KnownWeights(-7.0, 6.0), torch.zeros(100, 1, device=device), samples=10)
    assert bound.verdict == "doubtful"
    assert "fewer than 5 draws carry the weight" in bound.reason


def test_float32_weights_are_summed_in_float64(device):
    class Float32(KnownWeights):
        def log_weights(self, x, num_samples, generator):
            return torch.full((num_samples, len(x)), -543.21).float()

    bound, _ = importance_bound(Float32(0, 0), torch.zeros(10, 1), samples=1000)
    assert bound.value == pytest.approx(float(torch.tensor(-543.21).double()), abs=1e-9)


def test_the_bound_of_a_vae_rises_with_the_number_of_draws_and_lies_above_its_elbo(device):
    torch.manual_seed(1)
    vae = VAE((6,), latent=2).to(device)
    for parameter in vae.parameters():
        parameter.data.normal_(0, 0.5)
    x = (torch.rand(300, 6, device=device) < 0.4).float()
    few, _ = importance_bound(vae, x, samples=2)
    many, elbo = importance_bound(vae, x, samples=200)
    assert elbo.value < few.value < many.value
    assert many.rows == 300
    assert many.samples == 200


def test_the_interval_is_the_standard_error_of_the_rows(device):
    rows = torch.tensor([1.0, 2.0, 3.0, 4.0], device=device)
    mean, sides = mean_interval(rows)
    half = 1.959964 * float(rows.double().std()) / 2
    assert (mean, sides) == (2.5, (pytest.approx(2.5 - half), pytest.approx(2.5 + half)))
    assert mean_interval(rows[:1]).sides is None
