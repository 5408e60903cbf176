import pytest
import torch

from genlatent import VAE
from genlatent.distributions import posteriors, priors
from genlatent.evaluation import refined
from genlatent.evaluation.annealed_latents import Side
from genlatent.evaluation.likelihood import Judged, importance_bound
from genlatent.evaluation.refined import WEIGHTED, latent_bounds, refined_bound, work
from tests.evaluation.linear_gaussian import linear_gaussian


def stream(device):
    return torch.Generator(device).manual_seed(0)


def test_where_the_guide_is_right_nothing_is_annealed(device):
    model, marginal = linear_gaussian(device)
    x = marginal.sample((20,))
    found = refined_bound(model, x, samples=50, generator=stream(device))
    assert found.value == pytest.approx(float(marginal.log_prob(x).mean()), abs=1e-9)
    assert found.verdict == "ok"
    assert "none was annealed" in found.reason


def test_where_it_is_wrong_annealing_closes_most_of_the_gap(device):
    model, marginal = linear_gaussian(device, shift=1.0, narrower=3.0)
    x = marginal.sample((60,))
    true = float(marginal.log_prob(x).mean())
    plain = importance_bound(model, x, samples=200, generator=stream(device))[0]
    found = refined_bound(model, x, samples=200, runs=20, steps=100, generator=stream(device))
    assert plain.verdict == "failed"
    assert found.verdict == "ok"
    assert true - 0.5 < found.value < true + 0.2
    assert true - plain.value > 4 * abs(true - found.value)


def test_too_few_steps_are_doubted(device):
    model, marginal = linear_gaussian(device, shift=4.0, narrower=8.0)
    found = refined_bound(model, marginal.sample((40,)), runs=50, steps=3, leaps=1, generator=stream(device))
    assert found.verdict == "doubtful"
    assert "take more steps" in found.reason


@pytest.fixture
def few(monkeypatch):
    """Steps that are enough for codes of three values."""
    monkeypatch.setattr(refined, "STEPS", 60)


def wrong(device, rows):
    """A guide that misses the posterior, rows, and their mean log-likelihood."""
    model, marginal = linear_gaussian(device, shift=0.7, narrower=1.8)
    x = marginal.sample((rows,))
    return model, x, float(marginal.log_prob(x).mean())


def test_the_quoted_bound_is_weighted_alone_where_that_can_be_believed(device):
    model, marginal = linear_gaussian(device)
    x = marginal.sample((20,))
    found = latent_bounds(model, x, samples=100, generator=stream(device))
    assert [one.metric for one in found.records] == ["log-likelihood, lower bound", "evidence lower bound"]
    torch.testing.assert_close(found.rows, marginal.log_prob(x), atol=1e-9, rtol=0)


@pytest.mark.usefixtures("few")
def test_elsewhere_it_is_annealed_and_what_the_weights_say_stands_beside_it(device):
    model, x, true = wrong(device, 30)
    found = latent_bounds(model, x, samples=100, generator=stream(device))
    quoted, _, weighted = found.records
    assert (quoted.metric, quoted.verdict) == ("log-likelihood, lower bound", "ok")
    assert (weighted.metric, weighted.verdict) == (WEIGHTED, "failed")
    assert float(found.rows.mean()) == pytest.approx(quoted.value, abs=1e-12)
    assert true - weighted.value > 4 * abs(true - quoted.value)


@pytest.mark.usefixtures("few")
def test_where_the_work_is_enough_for_some_rows_they_speak_for_the_others(device, monkeypatch):
    model, x, true = wrong(device, 60)
    one = work(model, x) * refined.RUNS * refined.STEPS * refined.LEAPS * 2
    monkeypatch.setattr(refined, "WORK", 20.5 * one)
    monkeypatch.setattr(refined, "ELSEWHERE", 20.5 * one)
    found = latent_bounds(model, x, samples=100, generator=stream(device))
    assert "20 of 60 rows annealed" in found.records[0].reason
    assert "more were given the same" in found.records[0].reason
    assert found.error > 0
    assert true - 0.5 - 4 * found.error < found.records[0].value < true + 0.2 + 4 * found.error
    half = (found.records[0].interval[1] - found.records[0].interval[0]) / 2
    assert half > 1.959964 * float(found.rows.std()) / len(x) ** 0.5


def test_rows_that_were_not_annealed_are_given_the_mean_gain(device, monkeypatch):
    def numbers(*values):
        return torch.tensor(values, dtype=torch.float64, device=device)

    side = Side(numbers(-3, -5), numbers(0, 0), numbers(1, 1))
    monkeypatch.setattr(refined, "annealed_bound", lambda *args, **how: side)
    monkeypatch.setattr(refined, "made_of_bits", lambda *args: False)
    rows = Judged(numbers(-1, -6, -7, -9), *(numbers(0, 0, 0, 0) for _ in range(3)))
    hard, picked = (torch.tensor(places, device=device) for places in ([1, 2, 3], [1, 2]))
    found = refined.refined(None, torch.zeros(4, 1, device=device), rows, hard, picked)
    assert found.rows.tolist() == [-1, -3, -5, -9 + (3 + 2) / 2]
    assert found.error == pytest.approx(1 / 4 * 0.5**0.5 / 2**0.5)


def test_too_much_work_is_left_and_the_verdict_says_what_would_mend_it(device, monkeypatch):
    model, x, _ = wrong(device, 30)
    monkeypatch.setattr(refined, "WORK", 1.0)
    monkeypatch.setattr(refined, "ELSEWHERE", 1.0)
    found = latent_bounds(model, x, samples=100, generator=stream(device))
    assert found.records[0].verdict == "failed"
    assert "genlatent evaluate --sides" in found.records[0].reason


def test_few_draws_ask_for_more_before_anything_is_annealed(device):
    model, x, _ = wrong(device, 10)
    assert len(latent_bounds(model, x, samples=50, generator=stream(device)).records) == 2


def guessing(device, **parts):
    """A model whose codes matter under a guide that is sure of the wrong ones, and rows."""
    torch.manual_seed(0)
    model = VAE(12, (6,), **parts).to(device)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(6)
    return model, (torch.rand(30, 12, device=device) < 0.5).float()


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        (
            lambda: {"prior": priors.Bernoulli(temperature=0.5), "posterior": posteriors.RelaxedBernoulli()},
            "'z' is not made of real numbers",
        ),
        (lambda: {"posterior": posteriors.Flow("planar")}, "the guide cannot score other codes than it draws"),
    ],
)
def test_codes_that_cannot_be_annealed_keep_their_weights_and_say_why(parts, why, device):
    model, x = guessing(device, **parts())
    quoted = latent_bounds(model, x, samples=100, generator=stream(device)).records[0]
    assert quoted.verdict != "ok"
    assert why in quoted.reason


@pytest.mark.usefixtures("few")
def test_codes_made_of_bits_are_annealed_by_flips(device):
    model, x = guessing(device, prior=priors.Bernoulli(), posterior=posteriors.Bernoulli())
    quoted, _, weighted = latent_bounds(model, x, samples=100, generator=stream(device)).records
    codes = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 6).to(x)
    with torch.no_grad():
        joint = torch.stack([model.likelihood(model.params(codes)).log_prob(row) for row in x])
    true = float((joint.double().logsumexp(1) - 6 * torch.tensor(2.0).log()).mean())
    assert weighted.verdict != "ok"
    assert abs(true - quoted.value) < 0.2 * (true - weighted.value)
