import pytest
import torch

from genlatent.data.sprites import FACTORS, factors_of
from genlatent.errors import DataError, RecipeError
from genlatent.model import Model
from genlatent.reproduce.disentangled import Disentangled
from genlatent.reproduce.measured import Asked

LEVELS = torch.tensor([3.0, 6.0, 40.0, 32.0, 32.0])
NUMBERS = torch.randperm(737_280, generator=torch.Generator().manual_seed(0))[:600]
Y = factors_of(NUMBERS)


class Telling(Model):
    """Codes that are the factors themselves, or mixtures of them; a row is its own factors."""

    def __init__(self, mixing):
        super().__init__()
        self.event_shape, self.mixing = torch.Size([5]), mixing

    def encode(self, x):
        return (x / LEVELS) @ self.mixing


def found(mixing, judge):
    asked = Asked(Telling(mixing), Y.float(), Y, None, Y.float(), None, seed=0)
    return judge.gathered([judge.piece(asked, 0)]).measures


def test_a_dimension_for_each_factor_scores_high_and_mixtures_low():
    judge = Disentangled("FactorVAE score")
    apart, mixed = found(torch.eye(5), judge), found(torch.linalg.qr(torch.rand(5, 5))[0], judge)
    assert next(iter(apart)) == judge.metric == "FactorVAE score"
    assert apart["MIG"].value > 0.7 > 0.3 > mixed["MIG"].value
    assert apart["FactorVAE score"].value > 0.95 > mixed["FactorVAE score"].value
    low, high = apart["MIG"].interval
    assert low < apart["MIG"].value < high


def test_an_unknown_score_is_refused():
    with pytest.raises(RecipeError, match="first is one of MIG, FactorVAE score"):
        Disentangled("Mig")


def test_rows_without_factors_are_refused():
    assert len(FACTORS) == Y.shape[1]
    with pytest.raises(DataError, match="no true factors"):
        Disentangled().piece(Asked(Telling(torch.eye(5)), Y.float(), None, None, Y.float(), None, 0), 0)
