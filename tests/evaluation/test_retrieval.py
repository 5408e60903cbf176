"""Retrieval: 1 where each class lies by itself, the class's share where codes say nothing, and by hand."""

import pytest
import torch

from genlatent import Autoencoder, load_data
from genlatent.errors import DataError
from genlatent.evaluation.codes import Part
from genlatent.evaluation.retrieval import average_precision, precision_at, retrieval

LINE = Part(torch.tensor([[1.0], [2.0], [3.0], [4.0]]), torch.tensor([0, 1, 0, 1]))
QUERY = Part(torch.tensor([[0.0]]), torch.tensor([0]))


def test_by_hand():
    assert precision_at(QUERY, LINE, 1).tolist() == [1.0]
    assert precision_at(QUERY, LINE, 2).tolist() == [0.5]
    assert average_precision(QUERY, LINE).tolist() == pytest.approx([(1 + 2 / 3) / 2])


def test_classes_that_lie_apart_score_1_and_the_other_way_round_0():
    labels = torch.arange(20) % 2
    apart = Part(torch.stack([10.0 * labels, torch.rand(20)], 1), labels)
    assert precision_at(apart, apart, 10).tolist() == [1.0] * 20
    assert average_precision(apart, apart).tolist() == pytest.approx([1.0] * 20)
    swapped = Part(apart.codes, 1 - labels)
    assert not precision_at(swapped, apart, 10).any()


def test_equal_codes_score_the_share_of_the_class():
    labels = torch.tensor([0, 1, 1, 1] * 25)
    same = Part(torch.zeros(100, 2), labels)
    assert precision_at(same, same, 100).unique().tolist() == [0.25, 0.75]


def test_a_class_that_the_gallery_has_not_is_left_out():
    strange = Part(torch.zeros(2, 1), torch.tensor([0, 5]))
    assert len(average_precision(strange, LINE)) == 1


def test_records(device):
    found = retrieval(Autoencoder((1, 8, 8), latent=8).to(device), load_data("digits").to(device))
    assert [record.metric for record in found] == ["precision at 10", "mean average precision"]
    assert 0.1 < found[1].value < found[0].value < 1
    with pytest.raises(DataError, match="k must lie between 1 and the 4 rows"):
        precision_at(QUERY, LINE, 5)
