import numpy as np
import pytest

from genlatent.errors import DataError
from genlatent.evaluation.record import Record
from genlatent.plots.chains import chain_panels
from genlatent.plots.intervals import interval_lines
from genlatent.plots.writing import new_axes, png

BOUND = Record("log-likelihood, lower bound", -3.0, "by hand", "nats", (-4.0, -2.0))
FAILED = Record("log-likelihood", -2.0, "by hand", "nats", None, verdict="failed", reason="so it is")


def test_numbers_their_intervals_and_what_cannot_be_believed():
    axes = new_axes()
    assert interval_lines(["one", "two"], [BOUND, FAILED], zero=True, axes=axes) is axes
    line, point, caret, _, other, zero = axes.get_lines()
    assert line.get_xdata().tolist() == [-4, -2]
    assert (point.get_xdata().tolist(), point.get_marker()) == ([-3], "o")
    assert caret.get_xdata().tolist() == [-2], "the truth lies above a lower bound"
    assert (other.get_marker(), other.get_color() != point.get_color()) == ("X", True)
    assert zero.get_xdata() == [0, 0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["one", "two"]
    assert axes.get_ylim() == (1.5, -0.5), "the first one on top"


def test_numbers_of_two_units_are_refused():
    with pytest.raises(DataError, match="one unit for all"):
        interval_lines(["one", "two"], [BOUND, Record("R-hat", 1.0, "by hand")])


def test_chains_from_three_sides():
    figure = chain_panels(np.random.default_rng(0).normal(size=(3, 40)), name="free energy")
    left, middle, right = figure.axes
    assert (left.get_ylabel(), middle.get_ylabel(), right.get_ylabel()) == ("free energy", "chain", "autocorrelation")


def test_equal_figures_are_equal_bytes():
    first, second = (png(interval_lines(["one"], [BOUND])) for _ in range(2))
    assert first == second
    assert first[:4] == b"\x89PNG"
