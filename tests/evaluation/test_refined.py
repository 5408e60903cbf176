import pytest
import torch

from genlatent.evaluation.likelihood import importance_bound
from genlatent.evaluation.refined import refined_bound
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
