"""A deep narrow net from a random start and from greedy pre-training."""

import pytest

from genlatent import load_data
from genlatent.evaluation.lectures.pretraining import deep_autoencoders, deep_classifiers


@pytest.fixture(scope="module")
def digits():
    return load_data("digits")


def test_both_starts_are_trained_alike(digits):
    random, ready = deep_autoencoders(digits, (16, 8), layer_epochs=3, epochs=4)
    assert (random.start, ready.start) == ("random", "pre-trained")
    assert len(random.curve) == len(ready.curve) == 4
    assert ready.curve[0] < random.curve[0]
    assert ready.record.metric == "reconstruction error"


def test_classifiers_are_judged_by_accuracy(digits):
    found = deep_classifiers(digits, (20, 20), layer_epochs=2, epochs=2)
    assert [start.record.metric for start in found] == ["accuracy"] * 2


@pytest.mark.slow
def test_pre_training_leads_a_deep_narrow_net_out_of_where_it_began(digits):
    random, ready = deep_autoencoders(digits, layer_epochs=15, epochs=20)
    assert ready.record.interval[1] < random.record.interval[0]
    assert ready.curve[0] < random.curve[-1]
