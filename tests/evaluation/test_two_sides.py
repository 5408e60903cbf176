import re

import pytest

from genlatent.evaluation.two_sides import judged
from genlatent.sampling.bennett import Bennett
from genlatent.sampling.weights import Estimate


def side(value, half=0.1, ess=50.0):
    return Estimate(value, (value - half, value + half), (value - 2 * half, value + 2 * half), ess, 1.0)


def bar(value, half=0.05, overlap=0.8):
    return Bennett(value, (value - half, value + half), (value - 2 * half, value + 2 * half), overlap)


GOOD = {"data": bar(10.0), "chains": bar(10.01)}


def test_sides_that_meet_are_ok():
    assert judged(side(9.95), {"data": side(10.05), "chains": side(10.02)}, GOOD, (9.9, 10.1)) == ("ok", "")


def test_forward_above_reverse_beyond_the_intervals_has_failed():
    found = judged(side(10.6), {"data": side(10.5), "chains": side(10.0)}, GOOD, (9.9, 10.1))
    assert found.verdict == "failed"
    assert "0.60 nats above the reverse one from chains" in found.reason


def test_forward_above_reverse_within_the_intervals_is_no_alarm():
    assert judged(side(10.3), {"data": side(10.0)}, {"data": bar(10.1)}, (9.9, 10.1)).verdict == "ok"


def test_starts_that_disagree_have_failed():
    bars = {"data": bar(10.0), "chains": bar(10.3)}
    found = judged(side(9.9), {"data": side(10.0), "chains": side(10.3)}, bars, (9.9, 10.4))
    assert found.verdict == "failed"
    assert "data and chains disagree by 0.30 nats" in found.reason


@pytest.mark.parametrize(
    ("forward", "reverse", "bars", "wide", "reason"),
    [
        (side(7.0), side(13.0), bar(10.0, overlap=0.02), (9.8, 10.2), "too few steps.*2% of their work.*6.00 nats"),
        (side(9.0), side(10.0), bar(10.0), (9.8, 10.2), "the side forward ends 0.60 nats short"),
        (side(9.9), side(11.0), bar(10.0), (9.8, 10.2), "the side reverse from data ends 0.60 nats short"),
        (side(9.9, ess=2.0), side(10.0), bar(10.0), (9.8, 10.2), "2.0 effective runs forward"),
        (side(9.9), side(10.0, ess=3.0), bar(10.0), (9.8, 10.2), "3.0 effective runs reverse from data"),
        (side(9.9), side(10.0), bar(10.0), (8.8, 10.2), "known to 1.4 nats only"),
    ],
)
def test_too_little_work_is_doubtful(forward, reverse, bars, wide, reason):
    found = judged(forward, {"data": reverse}, {"data": bars}, wide)
    assert found.verdict == "doubtful"
    assert re.search(reason, found.reason)
