"""The running mean is the mean."""

import torch

from genlatent.training.average import TailAverage


def averaged(start, values):
    weight = {"w": torch.zeros(2)}
    average = TailAverage(weight, start)
    for step, value in enumerate(values, start=1):
        weight["w"].fill_(value)
        average.update(step)
    return weight, average


def test_mean_of_the_tail_only():
    weight, average = averaged(2, [10.0, 20.0, 1.0, 2.0, 6.0])
    with average.applied():
        assert weight["w"].tolist() == [3.0, 3.0]
    assert weight["w"].tolist() == [6.0, 6.0], "the iterate comes back"
    average.settle()
    assert weight["w"].tolist() == [3.0, 3.0]


def test_never():
    weight, average = averaged(None, [1.0, 2.0])
    with average.applied():
        assert weight["w"].tolist() == [2.0, 2.0]
    assert average.count == 0


def test_restored_average_goes_on():
    _, average = averaged(0, [1.0, 2.0])
    weight = {"w": torch.zeros(2)}
    other = TailAverage(weight, 0)
    other.restore(average.state())
    weight["w"].fill_(6.0)
    other.update(3)
    other.settle()
    assert weight["w"].tolist() == [3.0, 3.0]
