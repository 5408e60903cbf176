"""Codes and their places along the axes."""

import pytest
import torch

from genlatent.errors import DataError
from genlatent.explorer.axes import MOST, Axes


@pytest.fixture
def few():
    return Axes(torch.randn(50, 2, 3))


@pytest.fixture
def many():
    return Axes(torch.randn(200, 40) @ torch.randn(40, 40))


def test_few_coordinates_are_axes(few):
    assert few.code([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).tolist() == [[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]
    assert not few.plain()["principal"]


def test_of_many_the_directions_of_largest_variance_are(many):
    assert len(many.plain()["axes"]) == MOST
    assert torch.allclose(many.places.std(0), torch.ones(MOST), atol=1e-3)
    spread = many.axes.norm(dim=1)
    assert (spread[:-1] >= spread[1:]).all()
    assert torch.allclose(many.axes @ many.axes.T, torch.diag(spread**2), atol=1e-3 * float(spread[0]) ** 2)


def test_a_place_and_its_code_belong_to_each_other(many):
    place = torch.randn(3, MOST)
    assert torch.allclose(many.place(many.codes(place)), place, atol=1e-4)


def test_from_an_origin_what_no_axis_reaches_stays(many):
    origin = torch.randn(1, 40) * 5
    there = many.place(origin)[0].tolist()
    assert torch.allclose(many.code(there, origin[0].tolist()), origin, atol=1e-3)
    moved = many.code([there[0] + 2, *there[1:]], origin[0].tolist())
    assert torch.allclose(moved - origin, 2 * many.axes[:1], atol=1e-3)


def test_numbers_of_a_codebook_stay_numbers():
    axes = Axes(torch.randint(0, 8, (100, 2, 2)))
    assert axes.code([2.4, 2.6, -5.0, 100.0]).tolist() == [[[2, 3], [0, 7]]]


def test_shares_stay_between_none_and_all():
    axes = Axes(torch.rand(100, 30))
    code = axes.code([3.0] * len(axes.axes))
    assert code.min() >= 0
    assert code.max() <= 1


def test_a_grid_goes_through_the_place_and_over_the_range(few):
    grid = few.grid([0.5] * 6, 1, 4, 5)
    assert (grid[:, [0, 2, 3, 5]] == 0.5).all()
    square = grid.reshape(5, 5, 6)
    assert (square[0, :, 1].diff() > 0).all()
    assert (square[:, 0, 4].diff() < 0).all()
    ends = few.plain()["axes"][1]
    assert ends["low"] < grid[:, 1].min() < grid[:, 1].max() < ends["high"]


@pytest.mark.parametrize("place", [[], [0.0] * 5, [0.0] * 7])
def test_places_of_other_axes_are_refused(few, place):
    with pytest.raises(DataError, match="6 axes"):
        few.code(place)


def test_collapsed_coordinates_keep_some_length():
    axes = Axes(torch.randn(50, 2) * torch.tensor([1.0, 1e-4]), least=2.5).plain()["axes"]
    assert axes[1]["low"] == pytest.approx(-2.5)
    assert axes[1]["high"] == pytest.approx(2.5)


def test_every_code_the_same():
    axes = Axes(torch.ones(10, 30))
    assert torch.allclose(axes.code(axes.plain()["start"]), torch.ones(1, 30))


def test_coordinates_that_tell_no_rows_apart_are_not_used():
    codes = torch.randn(200, 3) * torch.tensor([1.0, 0.05, 0.2])
    assert [axis["used"] for axis in Axes(codes, collapsible=True).plain()["axes"]] == [True, False, True]
    assert all(axis["used"] for axis in Axes(codes).plain()["axes"])
    assert all(axis["used"] for axis in Axes(torch.zeros(3, 40), collapsible=True).plain()["axes"])
