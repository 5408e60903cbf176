import numpy as np
import pytest

from genlatent.errors import DataError
from genlatent.plots.walks import interpolation_rows, traversal_grid
from genlatent.plots.writing import new_axes


def tiles(axes, size=2):
    canvas = np.asarray(axes.images[0].get_array())
    step = size + 1
    return canvas[1:, 1:].reshape(canvas.shape[0] // step, step, canvas.shape[1] // step, step)[:, :size, :, :size]


def test_each_walk_is_a_line_from_left_to_right():
    means = np.arange(6.0).reshape(2, 3, 1, 1) / 5 * np.ones((1, 1, 2, 2))
    axes = new_axes()
    assert traversal_grid(means, names=["z 1", "z 2"], axes=axes) is axes
    assert tiles(axes)[:, 0, :, 0].tolist() == means[:, :, 0, 0].tolist()
    assert [text.get_text() for text in axes.texts] == ["z 1", "z 2"]
    heights = [text.get_position()[1] for text in axes.texts]
    assert heights == [2.0, 5.0]


def test_the_rows_themselves_stand_at_the_ends_of_an_interpolation():
    first, second, means = np.zeros((2, 4)), np.ones((2, 4)), np.full((2, 3, 4), 0.25)
    axes = interpolation_rows(first, means, second)
    assert tiles(axes)[0, 0, :, 0].tolist() == [0, 0.25, 0.25, 0.25, 1]


@pytest.mark.parametrize("means", [np.zeros((0, 3, 4)), np.zeros((3, 4)), np.zeros((2, 3, 5))])
def test_what_is_no_walk_of_images_is_refused(means):
    with pytest.raises(DataError):
        traversal_grid(means)


def test_ends_and_names_have_to_fit():
    with pytest.raises(DataError, match="row at either end"):
        interpolation_rows(np.zeros((1, 4)), np.zeros((2, 3, 4)), np.zeros((2, 4)))
    with pytest.raises(DataError, match="1 names were given for 2 walks"):
        traversal_grid(np.zeros((2, 3, 4)), names=["z"])
