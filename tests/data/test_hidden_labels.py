"""Labels hidden for semi-supervised learning."""

import pytest
import torch

from genlatent import load_data
from genlatent.data.hidden_labels import chosen, hide_labels
from genlatent.errors import DataError


@pytest.fixture(scope="module")
def digits():
    return load_data("digits")


@pytest.mark.parametrize("number", [1, 100, 105, 1297])
def test_labels_are_kept_evenly(digits, number):
    kept = hide_labels(digits, number).labels.train
    assert int((kept >= 0).sum()) == number
    assert torch.equal(kept[kept >= 0], digits.labels.train[kept >= 0])
    if number <= 1000:
        counts = kept[kept >= 0].bincount(minlength=10)
        assert counts.max() - counts.min() <= 1


def test_a_class_with_few_rows_gives_what_it_has():
    labels = torch.tensor([0] * 20 + [1] * 2)
    assert labels[chosen(labels, 10, seed=0)].bincount().tolist() == [8, 2]


def test_held_out_labels_and_rows_stay(digits):
    few = hide_labels(digits, 50)
    assert torch.equal(few.train, digits.train)
    assert torch.equal(few.labels.test, digits.labels.test)
    assert few.title == digits.title
    assert few.fingerprint != digits.fingerprint


def test_the_choice_belongs_to_its_seed():
    parts = [load_data("digits", num_labels=30, label_seed=seed).labels.train for seed in (0, 0, 1)]
    assert torch.equal(parts[0], parts[1])
    assert not torch.equal(parts[0], parts[2])


def test_labels_hidden_already_stay_hidden(digits):
    few = hide_labels(hide_labels(digits, 100), 20)
    assert int((few.labels.train >= 0).sum()) == 20


@pytest.mark.parametrize("number", [0, 1298])
def test_numbers_out_of_range_are_refused(digits, number):
    with pytest.raises(DataError, match=f"between 1 and the 1297 labelled training rows, got {number}"):
        hide_labels(digits, number)


def test_data_without_one_label_a_row_are_refused():
    for data in (load_data("two-moons"), load_data("bars-and-stripes", size=2)):
        if data.labels is None:
            with pytest.raises(DataError, match="no single label for each row"):
                hide_labels(data, 3)
