from functools import partial

import pytest
import torch

from genlatent import RBM, VAE, Dataset, load_data
from genlatent.data.dataset import Splits
from genlatent.errors import RecipeError, Unsupported
from genlatent.evaluation import also
from genlatent.evaluation.evaluate import evaluate, factors_of


@pytest.fixture(scope="module")
def data(device):
    return load_data("digits", binarise="threshold").to(device)


@pytest.fixture
def quick(monkeypatch):
    """Few rows, runs and steps."""
    monkeypatch.setattr(also, "ROWS", 20)
    effort = {"runs": 3, "steps": 4, "leaps": 1}
    monkeypatch.setattr(also, "two_sided_records", partial(also.two_sided_records, rows=10, **effort))
    monkeypatch.setattr(also, "refined_bound", partial(also.refined_bound, **effort))


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("wish", "metrics"),
    [
        ("guide", ["mutual information", "predictive check, mean", "calibration"]),
        ("sides", ["log-likelihood, lower bound, refined", "log-likelihood, simulated rows"]),
        ("quality", ["told apart", "Frechet distance"]),
        ("representation", ["accuracy, linear probe, 100 labels", "distortion at 2 bits a row"]),
    ],
)
def test_wishes_add_records_and_take_none_away(wish, metrics, data, device):
    model = VAE((1, 8, 8), latent=2).to(device)
    plain, found = (evaluate(model, data, samples=30, also=wishes) for wishes in ((), (wish,)))
    assert found[: len(plain)] == plain
    assert set(metrics) <= {record.metric for record in found[len(plain) :]}
    assert {record.data for record in found} == {"digits, threshold bits"}


def test_unknown_wishes_and_guides_of_machines_are_refused(data, device):
    with pytest.raises(RecipeError, match="nothing is called 'beauty'; also may hold quality, representation, guide"):
        evaluate(VAE((1, 8, 8), latent=2).to(device), data, samples=5, also=("beauty",))
    with pytest.raises(Unsupported, match="RBM has no guide"):
        evaluate(RBM((1, 8, 8), 4).to(device), data, samples=20, also=("guide",))


def test_several_whole_number_labels_are_factors_of_disentanglement(device):
    factors = torch.cartesian_prod(torch.arange(2), torch.arange(2), torch.arange(1)).repeat(40, 1)
    x = torch.nn.functional.one_hot(factors[:, 0] * 2 + factors[:, 1], 4).float()
    data = Dataset(
        x, x[:8], x, shape=torch.Size([4]), support="binary", name="pairs",
        labels=Splits(factors, factors[:8], factors), label_names=("one", "other", "same"),
    ).to(device)  # fmt: skip
    found = evaluate(VAE(4, latent=2).to(device), data, samples=30)
    assert {"MIG", "FactorVAE score", "DCI disentanglement", "SAP", "modularity"} <= {record.metric for record in found}


def test_one_label_real_labels_and_constant_ones_are_no_factors():
    assert factors_of(None) is None
    assert factors_of(torch.tensor([0, 1])) is None
    assert factors_of(torch.rand(5, 3)) is None
    assert factors_of(torch.tensor([[0, 1], [0, 2]])) is None
    assert factors_of(torch.tensor([[-1, 1], [-1, 2]])) is None
