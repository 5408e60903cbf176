"""Fields, filters and sheets: what is drawn is what was given."""

import numpy as np
import pytest

from genlatent.errors import DataError
from genlatent.plots.fields import vector_field
from genlatent.plots.filters import filter_grid, filter_panels
from genlatent.plots.sheets import sheet_and_codes
from genlatent.plots.writing import save


def test_arrows_start_and_end_where_they_should(tmp_path):
    points, vectors = np.array([[0.0, 1.0], [2.0, -1.0]]), np.array([[0.5, 0.0], [0.0, -0.25]])
    axes = vector_field(points, vectors, data=np.zeros((4, 2)))
    arrows = axes.collections[-1]
    np.testing.assert_allclose(arrows.get_offsets(), points)
    np.testing.assert_allclose(np.stack([arrows.U, arrows.V], 1), vectors)
    assert arrows.scale == 1
    assert save(axes, tmp_path / "field.png").stat().st_size > 1000


def test_zero_is_grey_and_each_filter_has_its_scale():
    image = filter_grid(np.array([[2.0, 0.0, 0.0, -1.0], [0.0, 0.0, 0.0, 0.1]]), columns=2).images[0].get_array()
    np.testing.assert_allclose(image[1:3, 1:3], [[1.0, 0.5], [0.5, 0.25]])
    np.testing.assert_allclose(image[1:3, 4:6], [[0.5, 0.5], [0.5, 1.0]])


def test_models_stand_side_by_side(tmp_path):
    figure = filter_panels({"sparse": np.ones((40, 16)), "k-sparse": np.ones((9, 1, 4, 4))})
    assert [axes.get_title() for axes in figure.axes] == ["sparse", "k-sparse"]
    save(figure, tmp_path / "filters.png")


def test_a_sheet_with_its_codes(tmp_path):
    x = np.random.default_rng(0).random((30, 3))
    figure = sheet_and_codes(x, {"plane": x[:, :2], "code": x[:, 1:]}, along=x[:, 0])
    assert [axes.get_title() for axes in figure.axes] == ["data", "plane", "code"]
    np.testing.assert_allclose(figure.axes[2].collections[0].get_offsets(), x[:, 1:])
    save(figure, tmp_path / "sheet.png")


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: vector_field(np.zeros((3, 2)), np.zeros((4, 2))), "as many vectors as points"),
        (lambda: filter_grid(np.full((2, 4), np.nan)), "not finite"),
        (lambda: filter_panels({}), "at least one model"),
        (lambda: sheet_and_codes(np.zeros((5, 2)), {}, np.zeros(5)), "points in space"),
        (lambda: sheet_and_codes(np.zeros((5, 3)), {"a": np.zeros((5, 3))}, np.zeros(5)), "codes of 2 values"),
    ],
)
def test_what_cannot_be_drawn(draw, message):
    with pytest.raises(DataError, match=message):
        draw()
