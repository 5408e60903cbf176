import pytest
import torch

from genlatent import VAE, ConditionalVAE
from genlatent.errors import RecipeError
from genlatent.evaluation.predictive import check, predictive_checks, replica
from tests.evaluation.linear_gaussian import linear_gaussian


def stream(device, seed=0):
    return torch.Generator(device).manual_seed(seed)


def checked(model, x, device, **kwargs):
    found = predictive_checks(model, x, generator=stream(device), **kwargs)
    return {record.metric.removeprefix("predictive check, "): record for record in found}


@pytest.mark.parametrize("codes", ["posterior", "prior"])
def test_rows_of_the_model_itself_pass(codes, device):
    model, marginal = linear_gaussian(device)
    found = checked(model, marginal.sample((300,)), device, codes=codes, replicas=100)
    assert set(found) == {"mean", "variance", "variance of row means", "share of zeros"}
    assert {record.verdict for record in found.values()} == {"ok"}


def test_rows_of_another_spread_fail_by_their_variance(device):
    model, marginal = linear_gaussian(device)
    x = marginal.mean + 1.5 * (marginal.sample((300,)) - marginal.mean)
    found = checked(model, x, device, codes="prior", replicas=300)
    assert found["variance"].verdict == "failed"
    assert found["mean"].verdict == "ok"


def test_under_new_codes_the_p_value_of_exact_data_is_even(device):
    model, marginal = linear_gaussian(device)
    how = {"statistics": {"mean": torch.mean}, "codes": "prior", "replicas": 19, "generator": stream(device)}
    p = torch.tensor([predictive_checks(model, marginal.sample((20,)), **how)[0].value for _ in range(100)])
    for level in (0.1, 0.5):
        assert float((p <= level).double().mean()) == pytest.approx(level, abs=5 * (level * (1 - level) / 100) ** 0.5)


def test_a_statistic_of_ones_own(device):
    model, marginal = linear_gaussian(device)
    found = checked(model, marginal.sample((50,)), device, statistics={"largest": torch.amax}, replicas=50)
    assert list(found) == ["largest"]
    assert found["largest"].unit == "p-value"
    assert "where the model makes" in found["largest"].reason


def test_the_p_value_counts_both_tails():
    made = torch.arange(99.0)
    assert check("a", -1.0, made, "new codes").value == pytest.approx(0.02)
    assert check("a", 1000.0, made, "new codes").value == pytest.approx(0.02)
    assert check("a", 1.0, made, "new codes").value == pytest.approx(2 * 3 / 100)
    assert check("a", -1.0, torch.arange(999.0), "new codes").verdict == "failed"


def test_replicas_of_rows_keep_their_codes_and_new_ones_do_not(device):
    model, marginal = linear_gaussian(device)
    x = marginal.sample((500,))
    kept = replica(model, x, generator=stream(device)) - marginal.mean
    new = replica(model, x, codes="prior", generator=stream(device)) - marginal.mean
    around = x - marginal.mean
    assert float((kept * around).sum(1).mean()) > 1
    assert abs(float((new * around).sum(1).mean())) < 1


def test_missing_values_stay_missing_and_labels_are_told(device):
    model = VAE(6, latent=2, missing=True).to(device)
    x = (torch.rand(40, 6, device=device) < 0.5).float()
    x[0, 0] = torch.nan
    assert bool((replica(model, x).isnan() == x.isnan()).all())
    assert 0 <= checked(model, x, device, replicas=10)["share of zeros"].value <= 1
    conditional = ConditionalVAE(6, 3, latent=2).to(device)
    labels = torch.arange(40, device=device) % 3
    assert len(checked(conditional, x.nan_to_num(), device, y=labels, replicas=5)) == 4


def test_nothing_of_anybody_moves_and_wrong_wishes_are_refused(device):
    model = VAE(6, latent=2).to(device)
    x, before = torch.zeros(3, 6, device=device), torch.get_rng_state()
    assert checked(model, x, device, replicas=3) == checked(model, x, device, replicas=3)
    assert bool((torch.get_rng_state() == before).all())
    with pytest.raises(RecipeError, match="codes must be one of posterior, prior"):
        predictive_checks(model, x, codes="new")
