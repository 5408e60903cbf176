"""What stands in the figures of the lectures on autoencoders."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from genlatent.errors import DataError
from genlatent.objectives.sparsity import bernoulli_divergence
from genlatent.plots.copying import code_size_rows, denoiser_rows, denoising_curves, loss_bars, noise_rows
from genlatent.plots.sensitivity import divergence_curves, robustness_bars, spectra_lines, traversal_grid
from genlatent.plots.sparse_codes import sparse_code_curves
from genlatent.plots.writing import save

IMAGES = np.linspace(0, 1, 3 * 16).reshape(3, 1, 4, 4)


def kind(name, **numbers):
    return SimpleNamespace(name=name, **numbers)


def denoised(units, noise, after):
    return SimpleNamespace(units=units, noise=noise, before=10 * noise, after=after, rows=IMAGES, denoised=IMAGES)


LOST = [kind("a", seen=0.1, unseen=0.9), kind("b", seen=0.2, unseen=0.3)]
ROBUST = [kind(name, code=0.1, reconstruction=0.2, gradient=0.3) for name in "ab"]
SPECTRA = [kind("a", values=[3.0, 1.0], along=2.0, across=0.5)]
SIZES = [SimpleNamespace(units=n, lost=0.25, reconstructions=IMAGES) for n in (4, 1)]
DENOISERS = [kind(name, parameters=7, lost=0.5, noisy=IMAGES, denoised=IMAGES) for name in "ab"]
SPARSE = [kind("a", on=9.0, lost=0.1), kind("a", on=3.0, lost=0.4), kind("b", on=5.0, lost=0.2)]
FIGURES = {
    "bars": lambda: loss_bars(LOST, {"seen": "training", "unseen": "test"}),
    "sizes": lambda: code_size_rows(IMAGES, SIZES),
    "noises": lambda: denoising_curves([denoised(2, 0.1, 0.3), denoised(2, 0.5, 0.4), denoised(4, 0.1, 0.2)]),
    "noise": lambda: noise_rows([denoised(2, 0.1, 0.3), denoised(2, 0.5, 0.4), denoised(4, 0.1, 0.2)], 2),
    "sparse": lambda: sparse_code_curves(SPARSE),
    "denoisers": lambda: denoiser_rows(DENOISERS),
    "robustness": lambda: robustness_bars(ROBUST),
    "spectra": lambda: spectra_lines(SPECTRA),
    "divergence": lambda: divergence_curves([0.05, 0.2]),
    "traversal": lambda: traversal_grid(np.zeros((2, 3, 1, 4, 4)), [0.6, 0.4]),
}


@pytest.mark.parametrize("name", FIGURES)
def test_it_is_drawn_and_saved(name, tmp_path):
    assert save(FIGURES[name](), tmp_path / "x.png").stat().st_size > 1000


def test_bars_stand_side_by_side_under_the_names():
    axes = FIGURES["bars"]()
    assert [bar.get_height() for bar in axes.patches] == [0.1, 0.2, 0.9, 0.3]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b"]


def test_each_line_says_what_it_is():
    figure = code_size_rows(IMAGES, SIZES)
    assert [axes.texts[0].get_text() for axes in figure.axes] == ["original", "4\n25.0%", "1\n25.0%"]
    assert [axes.texts[0].get_text().split("\n")[0] for axes in denoiser_rows(DENOISERS).axes] == ["noisy", "a", "b"]


def test_noisy_rows_have_one_line():
    lines = FIGURES["noises"]().get_lines()
    assert [line.get_label() for line in lines] == ["2 units", "4 units", "not denoised"]
    assert list(lines[0].get_ydata()) == [0.3, 0.4]
    assert list(lines[2].get_ydata()) == [1.0, 5.0]


def test_rows_under_noise_stand_above_what_is_made_of_them():
    named = [axes.texts[0].get_text() for axes in FIGURES["noise"]().axes]
    assert named == ["noise 0.1", "1.00 to 0.30", "noise 0.5", "5.00 to 0.40"]


def test_codes_are_lines_from_few_units_to_many():
    lines = FIGURES["sparse"]().get_lines()
    assert [line.get_label() for line in lines] == ["a", "b"]
    assert list(lines[0].get_xdata()) == [3.0, 9.0]
    assert list(lines[0].get_ydata()) == [0.4, 0.1]


def test_the_penalty_is_drawn_by_its_formula():
    line = divergence_curves([0.2]).get_lines()[0]
    at = torch.as_tensor(np.asarray(line.get_xdata()))
    np.testing.assert_allclose(line.get_ydata(), bernoulli_divergence(0.2, at), rtol=1e-5)


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: loss_bars([], {"seen": "training"}), "at least one record"),
        (lambda: loss_bars([kind("a", seen=np.nan)], {"seen": "training"}), "finite"),
        (lambda: code_size_rows(IMAGES, []), "at least one size"),
        (lambda: denoising_curves([]), "at least one"),
        (lambda: denoiser_rows([]), "at least one"),
        (lambda: noise_rows([denoised(2, 0.1, 0.3)], 4), r"no denoised rows of 4 units; there are \[2\]"),
        (lambda: sparse_code_curves([]), "at least one"),
        (lambda: spectra_lines([]), "at least one"),
        (lambda: divergence_curves([0.0]), "between 0 and 1"),
        (lambda: traversal_grid(np.zeros((2, 3, 4)), [1.0]), "a share for each"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw, message):
    with pytest.raises(DataError, match=message):
        draw()
