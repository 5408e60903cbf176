import pytest
import torch

from genlatent import VAE, ConditionalVAE, LadderVAE, SemiSupervisedVAE
from genlatent.errors import RecipeError
from genlatent.evaluation.calibration import calibration_records, described, ranks, uniformity
from tests.evaluation.linear_gaussian import LATENT, linear_gaussian


def judged(model, device, **kwargs):
    (record,) = calibration_records(model, generator=torch.Generator(device).manual_seed(0), **kwargs)
    return record


def test_the_exact_posterior_passes(device):
    model, _ = linear_gaussian(device)
    record = judged(model, device, rows=1000)
    assert record.verdict == "ok"
    assert record.value > 0.01
    assert (record.rows, record.samples) == (1000, 63)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"narrower": 2.0}, "too narrow"),
        ({"narrower": 0.5}, "too wide"),
        ({"shift": 0.5}, "too high"),
        ({"shift": -0.5}, "too low"),
    ],
)
def test_a_wrong_guide_fails_and_it_is_said_how(wrong, said, device):
    model, _ = linear_gaussian(device, **wrong)
    record = judged(model, device, rows=1000)
    assert record.verdict == "failed"
    assert said in record.reason


def test_p_values_of_the_exact_posterior_are_even(device):
    """The share of p-values below a level is that level: over 100 sets of rows, three values of a code each."""
    model, _ = linear_gaussian(device)
    found = ranks(model, rows=20_000, draws=63, generator=torch.Generator(device).manual_seed(1))
    p = []
    for part in found.ranks["z"].split(200):
        one = found._replace(ranks={"z": part})
        p += uniformity(one.histogram("z")).tolist()
    p = torch.tensor(p)
    assert len(p) == 100 * LATENT
    for level in (0.1, 0.5):
        assert float((p < level).double().mean()) == pytest.approx(level, abs=5 * (level * (1 - level) / 300) ** 0.5)


def test_each_rank_is_counted_once(device):
    model, _ = linear_gaussian(device)
    found = ranks(model, rows=160, draws=15, generator=torch.Generator(device).manual_seed(0))
    assert found.ranks["z"].shape == (160, LATENT)
    assert int(found.ranks["z"].min()) == 0
    assert int(found.ranks["z"].max()) == 15
    assert found.histogram("z", bins=16).sum(1).tolist() == [160] * LATENT


def test_every_site_of_several_has_a_record(device):
    model = LadderVAE(6, latents=(3, 2)).to(device)
    found = calibration_records(model, rows=100, generator=torch.Generator(device).manual_seed(0))
    assert [record.metric for record in found] == ["calibration of z_2", "calibration of z_1"]


def test_classes_tie_and_are_ranked_at_random(device):
    model = SemiSupervisedVAE(6, 3, latent=2).to(device)
    found = ranks(model, rows=400, draws=15, generator=torch.Generator(device).manual_seed(0))
    assert set(found.ranks) == {"y", "z"}
    assert int(found.ranks["y"].min()) == 0
    assert int(found.ranks["y"].max()) == 15


def test_a_conditional_model_is_asked_under_its_labels(device):
    y = torch.arange(4, device=device).repeat(30)
    record = judged(ConditionalVAE(6, 4, latent=2).to(device), device, y=y)
    assert record.rows == 120


def test_even_ranks_that_are_dependent_are_described_as_a_matter_of_shape():
    assert described(torch.arange(64), 63) == "the guide has another shape than the posterior"


def test_what_no_histogram_can_be_made_of_is_refused(device):
    model = VAE(6, latent=2).to(device)
    with pytest.raises(RecipeError, match="one less than a multiple of 16 bins"):
        judged(model, device, rows=100, draws=10)
    with pytest.raises(RecipeError, match="need at least 80 rows"):
        judged(model, device, rows=50)
