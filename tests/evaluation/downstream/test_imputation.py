"""Gaps filled: no error where the model knows, the variance where it fills in the mean."""

import pytest
import torch

from genlatent import RBM, load_data
from genlatent.data.dataset import Dataset
from genlatent.errors import RecipeError, Unsupported
from genlatent.evaluation.downstream.imputation import errors, imputation, missing_at_random
from genlatent.model import Model


class Twins(Model):
    """Knows that both values of a row are the same; where both miss it says 7."""

    event_shape = torch.Size([2])

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def impute(self, x, *, generator=None):
        other = torch.where(x.isnan(), x.flip(1), x)
        return torch.where(other.isnan(), 7.0, other)


def twins(rows=3000):
    x = torch.randn(rows, 1, generator=torch.Generator().manual_seed(0)).expand(rows, 2).clone()
    return Dataset(x[:1000], x[1000:1010], x[1010:], torch.Size([2]), "real", "twins")


def test_what_is_known_is_filled_without_error():
    x = torch.tensor([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    gaps = torch.tensor([[True, False], [True, True], [False, False]])
    assert errors(Twins().impute, x, gaps).tolist() == [0.0, 25.0]


def test_means_and_medians_leave_the_variance():
    found = {record.method: record for record in imputation(Twins(), twins(), (0.4,))}
    assert list(found) == ["Twins", "training means", "training medians"]
    for method in ("training means", "training medians"):
        low, high = found[method].interval
        assert low - 0.1 < 1 < high + 0.1
    assert found["Twins"].metric == "imputation error, 40% missing"


def test_gaps_are_as_many_as_asked_and_not_where_values_miss_already():
    x = torch.zeros(100, 100)
    x[:, :50] = torch.nan
    gaps = missing_at_random(x, 0.3)
    assert not gaps[:, :50].any()
    assert float(gaps[:, 50:].double().mean()) == pytest.approx(0.3, abs=4 * (0.21 / 5000) ** 0.5)
    assert torch.equal(gaps, missing_at_random(x, 0.3))


def test_a_machine_that_learned_nothing_is_no_better_than_the_means():
    found = imputation(RBM((1, 8, 8), 4), load_data("digits", binarise="threshold"), (0.2, 0.6))
    assert len(found) == 6
    assert found[0].value > found[1].value


def test_bad_input():
    with pytest.raises(RecipeError, match="between 0 and 1"):
        imputation(Twins(), twins(), (1.0,))
    with pytest.raises(Unsupported, match="impute"):
        imputation(Silent(), twins())


class Silent(Twins):
    impute = Model.impute
