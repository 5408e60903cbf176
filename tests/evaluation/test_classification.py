"""Accuracy with its interval."""

import pytest
import torch
from scipy.stats import binomtest

from genlatent import load_data
from genlatent.evaluation.classification import accuracy, wilson
from genlatent.evaluation.evaluate import evaluate
from genlatent.latent.conditional import ConditionalVAE
from genlatent.latent.semi_supervised import SemiSupervisedVAE


class Knows:
    """Predicts the number that stands in the row."""

    def predict(self, x):
        return x.flatten(1)[:, 0].long()


@pytest.mark.parametrize(("hits", "rows"), [(0, 7), (90, 100), (7, 7)])
def test_interval_is_wilsons(hits, rows):
    expected = binomtest(hits, rows).proportion_ci(method="wilson")
    assert wilson(hits, rows) == pytest.approx((expected.low, expected.high), abs=1e-5)


@pytest.mark.parametrize(("shift", "value"), [(0, 1.0), (1, 0.0)])
def test_all_right_and_all_wrong(shift, value):
    y = torch.tensor([0, 1, 2, -1])
    assert accuracy(Knows(), (y + shift)[:, None].float(), y).value == value


def test_models_that_predict_are_judged_by_it():
    data = load_data("digits", binarise="threshold")
    records = {r.metric: r for r in evaluate(SemiSupervisedVAE(data.shape, 10, latent=2), data, samples=2)}
    assert records["accuracy"].rows == 250
    assert "log-likelihood, lower bound" in records


def test_conditional_models_are_told_the_labels():
    data = load_data("digits", binarise="threshold")
    model = ConditionalVAE(data.shape, 10, latent=2)
    records = {r.metric: r for r in evaluate(model, data, samples=2)}
    assert {"log-likelihood, lower bound", "reconstruction error"} <= records.keys()
    assert "accuracy" not in records
