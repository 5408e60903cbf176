"""Clusters: 1 where classes lie apart, 0 where codes say nothing, and by hand."""

import pytest
import torch

from genlatent import Autoencoder, load_data
from genlatent.errors import DataError
from genlatent.evaluation.clustering import agreement, clustering, clusters


def test_classes_that_lie_apart_are_found():
    labels = torch.arange(90) % 3
    codes = 20 * torch.eye(3)[labels] + torch.randn(90, 3)
    assert agreement(clusters(codes, 3), labels) == pytest.approx((1.0, 1.0))


def test_codes_that_say_nothing_agree_by_chance_only():
    labels = torch.arange(2000) % 2
    rand, information = agreement(clusters(torch.randn(2000, 3), 2), labels)
    assert abs(rand) < 0.01
    assert information < 0.01


def test_by_hand():
    """Of 6 pairs the first puts 2 together, the second 1, both 1: (1 - 1/3) / (3/2 - 1/3)."""
    rand, _ = agreement(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 0, 1, 2]))
    assert rand == pytest.approx((1 - 2 * 1 / 6) / ((2 + 1) / 2 - 2 * 1 / 6))
    crossed, information = agreement(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1]))
    assert crossed == pytest.approx(-0.5)
    assert information == pytest.approx(0.0, abs=1e-12)


def test_records(device):
    found = clustering(Autoencoder((1, 8, 8), latent=8).to(device), load_data("digits").to(device))
    assert [record.metric for record in found] == ["adjusted Rand index", "normalised mutual information"]
    assert all(0.05 < record.value < 1 for record in found)
    with pytest.raises(DataError, match="number of clusters"):
        clusters(torch.zeros(3, 1), 4)
