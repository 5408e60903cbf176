import pytest
import torch

from genlatent import VAE
from genlatent.evaluation.annealed_latents import Side
from genlatent.evaluation.likelihood import importance_bound
from genlatent.evaluation.simulated_rows import met, records, simulated_sides, two_sided_records
from tests.evaluation.linear_gaussian import linear_gaussian


def bracketed(lower, upper, true):
    low, high = records(lower, upper, "both ways")[0].interval
    return low - 1e-9 <= float(true.mean()) <= high + 1e-9


def parts(side, size):
    return [Side(*fields) for fields in zip(*(values.split(size) for values in side))]


@pytest.mark.parametrize("start", ["posterior", "prior"])
def test_both_sides_bracket_the_truth_in_nine_of_ten_sets_of_rows(start, device):
    """Fifty sets of ten rows, each with runs of its own."""
    model, marginal = linear_gaussian(device, shift=0.3, narrower=1.6)
    generator = torch.Generator(device).manual_seed(0)
    x, lower, upper = simulated_sides(model, rows=500, runs=8, steps=20, start=start, generator=generator)
    truths = marginal.log_prob(x).split(10)
    hits = [bracketed(*sides) for sides in zip(parts(lower, 10), parts(upper, 10), truths)]
    assert len(hits) == 50
    assert sum(hits) >= 45


@pytest.mark.slow
def test_both_sides_bracket_the_truth_of_nine_in_ten_models(device):
    """Ten models, five sets of ten rows each, with runs of their own."""
    hits = 0
    for seed in range(10):
        model, marginal = linear_gaussian(device, seed=seed, shift=0.3, narrower=1.6)
        generator = torch.Generator(device).manual_seed(seed)
        x, lower, upper = simulated_sides(model, rows=50, runs=8, steps=8, leaps=2, generator=generator)
        truths = marginal.log_prob(x).split(10)
        hits += sum(bracketed(*sides) for sides in zip(parts(lower, 10), parts(upper, 10), truths))
    assert hits >= 45


def test_each_side_is_a_bound_in_the_mean_and_more_steps_bring_them_together(device):
    model, marginal = linear_gaussian(device, shift=0.5, narrower=3.0)
    gaps = []
    for steps in (4, 40):
        generator = torch.Generator(device).manual_seed(1)
        x, lower, upper = simulated_sides(model, rows=300, runs=4, steps=steps, generator=generator)
        true = marginal.log_prob(x)
        assert float((lower.value - true).mean()) < 0 < float((upper.value - true).mean())
        gaps.append(float((upper.value - lower.value).mean()))
    assert gaps[1] < gaps[0] / 3


def test_a_good_guide_is_believed_and_a_bad_one_is_not(device):
    for bad, verdicts in ((1.0, ("ok", "ok")), (8.0, ("failed", "failed"))):
        model, marginal = linear_gaussian(device, shift=bad - 1, narrower=bad)
        x, generator = marginal.sample((100,)), torch.Generator(device).manual_seed(0)
        weighted = importance_bound(model, x, samples=200, generator=generator)[0]
        both = two_sided_records(model, rows=50, runs=4, steps=3, leaps=1, generator=generator)[0]
        assert (weighted.verdict, both.verdict) == verdicts, (weighted.reason, both.reason)


def test_records_name_both_sides_and_what_they_are_about(device):
    model = VAE((6,), latent=2).to(device)
    found = two_sided_records(model, rows=20, runs=4, steps=10, generator=torch.Generator(device).manual_seed(0))
    assert [record.metric for record in found] == [
        f"log-likelihood, simulated rows{end}" for end in ("", ", lower side", ", upper side")
    ]
    assert found[0].value == pytest.approx((found[1].value + found[2].value) / 2)
    assert found[0].interval[0] < found[0].value < found[0].interval[1]
    assert {(record.unit, record.rows, record.samples) for record in found} == {("nats", 20, 4)}
    assert "nats apart" in found[0].reason


def test_the_verdict_goes_by_the_gap():
    assert [met(gap, 0.1)[0] for gap in (0.5, 3.0, 30.0, -0.2, -2.0)] == ["ok", "doubtful", "failed", "ok", "failed"]
