"""What stands in the figures of latent codes and lectures."""

from types import SimpleNamespace

import numpy as np
import pytest

from genlatent.errors import DataError
from genlatent.plots.latents import code_scatters, divergence_bars, manifold_grid
from genlatent.plots.lectures import gradient_variances, inference_gaps, rate_distortion_curve, two_divergences
from genlatent.plots.writing import new_axes, save

FITS = SimpleNamespace(
    grid=np.linspace(-3, 3, 50),
    target=np.exp(-(np.linspace(-3, 3, 50) ** 2)),
    forward=(0.0, 1.0),
    reverse=(0.1, 0.9),
    forward_divergence=0.5,
    reverse_divergence=0.4,
    density=lambda parameters: np.exp(-((np.linspace(-3, 3, 50) - parameters[0]) ** 2)),
)
GAPS = SimpleNamespace(amortisation=np.array([0.1, 0.5, 0.3]), approximation=np.array([0.2, 0.2, 0.2]))
FIGURES = {
    "bars": lambda axes: divergence_bars([0.1, 2.0, 0.0], [0.02, 0.9, 0.0], axes=axes),
    "manifold": lambda axes: manifold_grid(np.zeros((3, 3, 1, 4, 4)), axes=axes),
    "variances": lambda axes: gradient_variances([1, 10], [[1, 9], [1, 100]], axes=axes),
    "divergences": lambda axes: two_divergences(FITS, axes=axes),
    "gaps": lambda axes: inference_gaps(GAPS, axes=axes),
}


def point(beta, gap=None):
    counts = {"active_units": 3, "total_correlation": 0.2, "information_gap": gap}
    return SimpleNamespace(beta=beta, rate=5 / beta, distortion=10 * beta, **counts)


def codes(width=2):
    return SimpleNamespace(name="VAE", codes=np.random.default_rng(0).normal(size=(20, width)), reconstruction=3.0)


@pytest.mark.parametrize("name", FIGURES)
def test_axes_are_accepted_returned_and_saved(name, tmp_path):
    axes = new_axes()
    assert FIGURES[name](axes) is axes
    assert save(FIGURES[name](None), tmp_path / "x.png").stat().st_size > 500


def test_figures_of_several_axes_are_saved(tmp_path):
    for number, figure in enumerate((rate_distortion_curve([point(1), point(2)]), code_scatters([codes(), codes()]))):
        assert save(figure, tmp_path / f"{number}.png").stat().st_size > 500


def test_the_gap_has_axes_of_its_own_where_factors_are_known():
    assert len(rate_distortion_curve([point(1), point(2)]).axes) == 2
    line = rate_distortion_curve([point(1, 0.3), point(2, 0.5)]).axes[2].get_lines()[0]
    assert list(line.get_ydata()) == [0.3, 0.5]


def test_bars_are_sorted_and_idle_ones_grey():
    axes = divergence_bars([0.1, 2.0, 0.0], [0.02, 0.9, 0.0])
    assert [bar.get_height() for bar in axes.patches] == [2.0, 0.1, 0.0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "0", "2"]
    assert axes.patches[0].get_facecolor() == axes.patches[1].get_facecolor() != axes.patches[2].get_facecolor()
    right = axes.figure.axes[1]
    assert "2 active" in right.get_ylabel()
    assert right.get_lines()[1].get_ydata()[0] == 0.01


def test_gaps_are_stacked_largest_first():
    patches = inference_gaps(GAPS).patches
    assert [bar.get_height() for bar in patches[:3]] == [0.5, 0.3, 0.1]
    assert patches[3].get_y() == 0.5


def test_the_manifold_keeps_its_places():
    means = np.zeros((2, 2, 1, 3, 3))
    means[0, 1] = 1
    canvas = manifold_grid(means).images[0].get_array()
    assert canvas[2, 6] == 1
    assert canvas[6, 2] == 0


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: divergence_bars([[0.1]]), "one finite KL"),
        (lambda: divergence_bars([np.nan]), "one finite KL"),
        (lambda: gradient_variances([1, 2], [[1, 2]]), "two variances for each of 2 sizes"),
        (lambda: rate_distortion_curve([point(1)]), "at least two betas"),
        (lambda: code_scatters([codes(3)]), "codes of 2 values"),
        (lambda: manifold_grid(np.zeros((2, 3, 4))), "a square of decoded images"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, message):
    with pytest.raises(DataError, match=message):
        draw()
