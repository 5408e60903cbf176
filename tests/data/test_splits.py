import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genlatent.data.splits import neighbours, num_rows, set_aside, shuffled
from genlatent.errors import DataError

SHARES = st.one_of(st.floats(0.01, 0.4), st.integers(1, 10))


@settings(max_examples=30, deadline=None)
@given(st.integers(30, 200), SHARES, SHARES, st.integers(0, 10**6))
def test_parts_are_disjoint_and_complete(total, valid, test, seed):
    parts = shuffled(total, valid, test, seed, "rows")
    assert sorted(torch.cat(parts).tolist()) == list(range(total))
    assert len(parts[1]) == num_rows(valid, total, "valid")


def test_the_seed_decides_and_the_test_rows_do_not_depend_on_valid():
    one, same, other = (shuffled(100, 0.1, 0.2, seed, "rows") for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not torch.equal(one[2], other[2])
    assert torch.equal(one[2], shuffled(100, 0.5, 0.2, 1, "rows")[2])


def test_nothing_is_held_out_of_what_is_given():
    train, valid, test = shuffled(10, None, None, 0, "rows")
    assert (len(train), len(valid), len(test)) == (10, 0, 0)


@pytest.mark.parametrize("share", [0, 0.0, 1.0, -0.1, 1.5, -3])
def test_impossible_shares_are_refused(share):
    with pytest.raises(DataError, match=r"valid=.* leaves no rows to hold out"):
        num_rows(share, 10, "valid")


@pytest.mark.parametrize("share", [True, "0.1", None])
def test_shares_are_numbers(share):
    with pytest.raises(DataError, match="valid is a fraction, a number of rows or an array"):
        num_rows(share, 10, "valid")


def test_too_few_rows_are_refused():
    with pytest.raises(DataError, match="few: 2 rows, of which 2 would be held out, leave none to learn from"):
        shuffled(2, 0.1, 0.1, 0, "few")


def test_neighbours_stay_together():
    train, valid, test = neighbours(1965, 0.1, 0.1, seed=0)
    assert sorted(torch.cat([train, valid, test]).tolist()) == list(range(1965))
    for part in (valid, test):
        assert (part.diff() != 1).sum() <= 1  # at most two runs of frames
        assert len(part) in range(190, 200)


def test_rows_set_aside_are_distinct_and_from_everywhere():
    valid, test = set_aside(10**6, 500, 300, seed=0)
    assert len(set(valid.tolist()) | set(test.tolist())) == 800
    assert valid.tolist() == sorted(valid.tolist())
    mean = torch.cat([valid, test]).double().mean() / 1e6
    assert abs(mean - 0.5) < 4.27 * (1 / 12 / 800) ** 0.5


def test_nearly_all_rows_can_be_set_aside():
    valid, test = set_aside(10, 5, 4, seed=0)
    assert len(set(valid.tolist() + test.tolist())) == 9
