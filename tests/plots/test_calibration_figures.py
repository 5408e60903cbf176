import numpy as np
import pytest

from genlatent.errors import DataError
from genlatent.plots.calibration import rank_histograms, reliability


def test_points_stand_where_probabilities_and_shares_are():
    p = np.repeat([0.05, 0.55], [100, 50])
    happened = np.concatenate([np.arange(100) < 20, np.arange(50) < 10])
    axes = reliability(p, happened)
    line, _, (bars,) = axes.containers[0]
    assert line.get_xdata().tolist() == pytest.approx([0.05, 0.55])
    assert line.get_ydata().tolist() == pytest.approx([0.2, 0.2])
    assert bars.get_segments()[0][:, 1].tolist() == pytest.approx([0.1334, 0.2888], abs=1e-4)
    assert axes.get_title() == f"calibration error {(100 * 0.15 + 50 * 0.35) / 150:.3f}"


def test_what_is_certain_and_always_happens_is_calibrated():
    assert reliability([0.0, 1.0, 1.0], [0, 1, 1]).get_title() == "calibration error 0.000"


@pytest.mark.parametrize(("p", "y"), [([1.2], [1]), ([0.5], [0.5]), ([], []), ([0.5, 0.5], [1])])
def test_what_is_no_probability_or_outcome_is_refused(p, y):
    with pytest.raises(DataError, match="probabilities"):
        reliability(p, y)


def test_even_ranks_lie_in_the_shade_and_a_hill_does_not():
    even = np.random.default_rng(0).multinomial(1600, [1 / 16] * 16, size=2)
    hill = 1600 * np.sin(np.linspace(0.1, 3.04, 16)) ** 4
    hill = np.round(hill / hill.sum() * 1600)
    hill[8] += 1600 - hill.sum()
    axes = rank_histograms(np.stack([*even, hill]))
    shade, *lines = axes.patches
    low, high = shade.get_bbox().y0, shade.get_bbox().y1
    outside = [((line.get_data().values < low) | (line.get_data().values > high)).sum() for line in lines]
    assert (low, high) == (76, 126), "the 0.5 % and 99.5 % points of Binomial(1600, 1/16)"
    assert max(outside[:2]) <= 1
    assert outside[2] > 8


def test_counts_of_different_numbers_of_rows_are_refused():
    with pytest.raises(DataError, match="as many ranks"):
        rank_histograms([[1, 2], [3, 4]])
