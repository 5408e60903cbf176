"""The area under the curve: 1 apart, 1/2 for equal scores, and by listing every pair."""

import pytest
import torch
from scipy.stats import norm

from genlatent import RBM, VAE, Autoencoder, load_data
from genlatent.data.dataset import Dataset
from genlatent.errors import DataError
from genlatent.evaluation.downstream.outliers import auroc, outliers
from genlatent.model import Model


def test_apart_equal_and_the_wrong_way_round():
    low, high = torch.arange(5.0), torch.arange(5.0) + 10
    assert auroc(high, low) == (1.0, None)
    assert auroc(low, high) == (0.0, None)
    assert auroc(low, low).value == 0.5
    assert auroc(torch.zeros(3), torch.zeros(7)).value == 0.5


def test_every_pair():
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randint(0, 6, (n,), generator=generator).double() for n in (30, 17))
    pairs = (a[:, None] > b).double() + (a[:, None] == b).double() / 2
    found = auroc(a, b)
    assert found.value == pytest.approx(float(pairs.mean()))
    error = (pairs.mean(1).var() / 30 + pairs.mean(0).var() / 17).sqrt()
    assert found.sides[1] - found.value == pytest.approx(1.959964 * float(error))


def test_the_interval_covers_the_known_area():
    truth, covered = norm.cdf(1 / 2**0.5), 0
    for seed in range(100):
        draws = torch.randn(2, 150, generator=torch.Generator().manual_seed(seed))
        low, high = auroc(draws[0] + 1, draws[1]).sides
        covered += low < truth < high
    assert covered >= 85  # of 100 intervals of 95 %: fewer with probability 1e-4


class Distance(Model):
    """Scores by minus the distance from 0, and gives back 0."""

    event_shape = torch.Size([2])

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def score(self, x, *, generator=None):
        return -x.norm(dim=1)

    def reconstruct(self, x):
        return torch.zeros_like(x)


def test_rows_far_away_are_told():
    x = torch.rand(40, 2)
    data = Dataset(x[:20], x[20:30], x[30:], torch.Size([2]), "real", "near")
    found = outliers(Distance(), data, torch.rand(15, 2) + 5)
    assert [record.value for record in found] == [1.0, 1.0]
    assert "the model's score, 15 rows of other rows" in found[0].method
    assert [record.value for record in outliers(Distance(), data, data.test)] == [0.5, 0.5]


@pytest.mark.parametrize("model", [RBM((1, 8, 8), 8), VAE((1, 8, 8), latent=2), Autoencoder((1, 8, 8), latent=2)])
def test_every_family_is_asked_by_what_it_answers(model):
    data = load_data("digits", binarise="threshold")
    found = outliers(model, data, 1 - data.test, name="negatives")
    assert len(found) == 2
    assert all(0 <= record.value <= 1 and record.rows == len(data.test) for record in found)


def test_bad_input():
    data = load_data("digits", binarise="threshold")
    with pytest.raises(DataError, match="negatives under RBM"):
        outliers(RBM((1, 8, 8), 8), data, data.test + 0.3, name="negatives")
    with pytest.raises(DataError, match="NaN"):
        auroc(torch.tensor([torch.nan]), torch.zeros(1))
    with pytest.raises(DataError, match="0 outside"):
        auroc(torch.zeros(1), torch.zeros(0))
