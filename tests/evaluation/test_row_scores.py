import math

import pytest
import torch

from genlatent import VAE, VQVAE, Autoencoder, load_data
from genlatent.evaluation.annealed import machine_likelihood
from genlatent.evaluation.evaluate import evaluate
from genlatent.evaluation.record import Record
from genlatent.evaluation.row_scores import RowScores, log_likelihoods, normalised, paired_gap, reconstruction_errors
from tests.machines import deep, rbm


@pytest.fixture(scope="module")
def digits(device):
    return load_data("digits", binarise="threshold").to(device)


@pytest.mark.parametrize("make", [rbm, deep])
def test_rows_of_a_machine_that_is_enumerated_are_its_log_probabilities(make, device):
    machine = make().to(device)
    x = (torch.rand(20, machine.event_shape.numel(), device=device) < 0.5).float()
    found = log_likelihoods(machine, x, machine_likelihood(machine, x))
    assert found.values.numpy(force=True) == pytest.approx(machine.log_prob(x).numpy(force=True), abs=1e-5)
    assert (found.below, found.above) == (0.0, 0.0)


@pytest.mark.parametrize("model", [lambda: VAE((1, 8, 8), latent=2), lambda: VQVAE((1, 8, 8), codes=2, codebook=8)])
def test_the_mean_over_rows_is_the_judged_number(model, digits, device):
    model = model().to(device).eval()
    records = evaluate(model, digits, samples=30, seed=3)
    found = log_likelihoods(model, digits.test, records, samples=30, seed=3)
    assert float(found.values.mean()) == pytest.approx(records[0].value, rel=1e-6)
    errors = next(one for one in records if one.metric == "reconstruction error")
    assert float(reconstruction_errors(model, digits.test).values.mean()) == pytest.approx(errors.value, rel=1e-6)


def test_a_model_without_likelihood_has_no_rows_of_it(digits, device):
    model = Autoencoder((1, 8, 8), latent=2).to(device).eval()
    assert log_likelihoods(model, digits.test, evaluate(model, digits)) is None


def test_what_an_interval_holds_beyond_the_rows_is_the_error_of_the_constant():
    rows = torch.tensor([0.0, 1.0, 2.0, 3.0], dtype=torch.float64)
    half = 1.959964 * float(rows.std()) / 2
    quoted = Record("log-likelihood", -5.0, "by hand", "nats", (-5 - math.hypot(half, 0.3), -5 + math.hypot(half, 0.4)))
    found = normalised(rows, quoted)
    assert found.values.tolist() == [-6.5, -5.5, -4.5, -3.5]
    assert (found.below, found.above) == (pytest.approx(0.3), pytest.approx(0.4))


def test_an_error_of_the_constant_widens_the_difference_on_its_own_side():
    same = torch.zeros(10, dtype=torch.float64)
    low, high = paired_gap(RowScores(same, 0.3, 0.1), RowScores(same, 0.2, 0.4)).sides
    assert (low, high) == (pytest.approx(-0.5), pytest.approx(math.hypot(0.1, 0.2)))


def test_pairing_removes_what_is_hard_for_both():
    hard = 100 * torch.randn(200, dtype=torch.float64)
    noise = 0.1 * torch.randn(200, dtype=torch.float64)
    gap = paired_gap(RowScores(hard + 1 + noise), RowScores(hard))
    assert gap.sides[1] - gap.sides[0] < 0.1
    assert gap.mean == pytest.approx(1, abs=0.05)
