import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from PIL import Image

from genlatent.errors import DataError, GenlatentError
from genlatent.plots.annealing import running_log_partition, work_histograms
from genlatent.plots.calibration import rank_histograms, reliability
from genlatent.plots.chains import autocorrelations, rank_bars, trace_lines
from genlatent.plots.curves import loss_curves
from genlatent.plots.grids import as_images, image_grid
from genlatent.plots.ladders import energy_histograms, replica_flow, replica_paths, swap_rates
from genlatent.plots.latents import divergence_bars
from genlatent.plots.reconstructions import reconstruction_rows
from genlatent.plots.walks import traversal_grid
from genlatent.plots.writing import COLOURS, DASHES, new_axes, save

ROWS = [{"epoch": i, "loss": 3 / i, "valid/loss": 4 / i} for i in range(1, 6)]
CHAINS = np.random.default_rng(0).normal(size=(3, 40))
FIGURES = {
    "grid": lambda axes: image_grid(np.eye(8)[None], axes=axes),
    "curves": lambda axes: loss_curves(ROWS, axes=axes),
    "trace": lambda axes: trace_lines(CHAINS, axes=axes),
    "ranks": lambda axes: rank_bars(CHAINS, axes=axes),
    "autocorrelations": lambda axes: autocorrelations(CHAINS, axes=axes),
    "swaps": lambda axes: swap_rates([0.3, 0.05], round_trips=4, axes=axes),
    "flow": lambda axes: replica_flow([1, 0.4, 0], axes=axes),
    "paths": lambda axes: replica_paths(np.sign(CHAINS), axes=axes),
    "energies": lambda axes: energy_histograms(CHAINS, axes=axes),
    "works": lambda axes: work_histograms(CHAINS[0], CHAINS[1], value=0.5, axes=axes),
    "running": lambda axes: running_log_partition([0, 0.5, 1], [1, 2, 3], [1, 2.1, 3.2], axes=axes),
    "idle codes": lambda axes: divergence_bars([0.0, 0.0], [0.0, 0.0], axes=axes),
    "walks": lambda axes: traversal_grid(np.zeros((2, 3, 9)), names=["a", "b"], axes=axes),
    "reliability": lambda axes: reliability([0.1, 0.9], [0, 1], axes=axes),
    "code ranks": lambda axes: rank_histograms([[3, 5], [4, 4]], axes=axes),
    "reconstructions": lambda axes: reconstruction_rows(np.zeros((2, 9)), np.ones((2, 9)), axes=axes),
}


@pytest.mark.parametrize("name", FIGURES)
def test_axes_are_accepted_returned_and_saved(name, tmp_path):
    axes = new_axes()
    assert FIGURES[name](axes) is axes
    before = dict(mpl.rcParams)
    for ending in ("png", "svg"):
        assert save(FIGURES[name](None), tmp_path / f"{name}.{ending}").stat().st_size > 500
    assert dict(mpl.rcParams) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{name}.png", f"{name}.svg"]


def test_drawing_goes_around_pyplot(tmp_path):
    code = (
        "import sys, numpy as np\n"
        "from genlatent.plots import chains, curves, grids, reconstructions, writing\n"
        f"writing.save(grids.image_grid(np.eye(4)[None]), {str(tmp_path / 'x.png')!r})\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PATH": "", "DISPLAY": ""})


def test_a_grid_shows_each_pixel_where_it_belongs():
    images = np.arange(2 * 1 * 2 * 2).reshape(2, 1, 2, 2) / 7
    (shown,) = image_grid(images, columns=2).images
    canvas = shown.get_array()
    assert canvas.shape == (4, 7)
    assert np.allclose(canvas[1:3, 1:3], images[0, 0])
    assert np.allclose(canvas[1:3, 4:6], images[1, 0])
    assert shown.get_clim() == (0, 1)


def test_colour_channels_and_missing_pixels():
    images = np.zeros((1, 3, 2, 2))
    images[0, 2] = 1
    images[0, :, 0, 0] = np.nan
    canvas = image_grid(images).images[0].get_array()
    assert canvas[2, 2].tolist() == [0, 0, 1]
    assert canvas[1, 1].tolist() == [0.5, 0.5, 0.5]


def test_what_is_no_image_is_refused():
    for shape in ((3, 5), (3, 2, 4, 4), (0, 1, 4, 4)):
        with pytest.raises(DataError, match="image"):
            as_images(np.zeros(shape))


def test_reconstructions_stand_below_what_they_reconstruct():
    canvas = reconstruction_rows(np.zeros((2, 4)), np.ones((2, 4))).images[0].get_array()
    assert canvas[1:3, 1:3].max() == 0
    assert canvas[4:6, 1:3].min() == 1
    with pytest.raises(DataError, match="cannot stand above"):
        reconstruction_rows(np.zeros((2, 4)), np.ones((2, 9)))


def test_curves_hold_the_metrics_and_skip_epochs_without_judgement():
    lines = loss_curves([*ROWS, {"epoch": 6, "loss": 0.1}]).get_lines()
    assert [len(line.get_xdata()) for line in lines] == [6, 5]
    assert lines[1].get_ydata()[0] == 4
    with pytest.raises(DataError, match="no lost in the history; it has epoch, loss"):
        loss_curves(ROWS, names=["lost"])


def test_autocorrelation_of_a_known_chain():
    generator = np.random.default_rng(1)
    chain = [0.0]
    for noise in generator.normal(size=20_000):
        chain.append(0.8 * chain[-1] + noise)
    heights = [bar.get_height() for bar in autocorrelations(np.array([chain]), lags=3).patches]
    assert heights == pytest.approx([1, 0.8, 0.64, 0.512], abs=0.03)


def test_ranks_of_a_chain_above_another_fill_the_upper_half():
    patches = rank_bars(np.array([np.arange(20.0), 100 + np.arange(20.0)]), bins=2).patches
    first, second = (np.asarray(patch.get_data().values) for patch in patches)
    assert first.tolist() == [1.0, 0.0]
    assert (second - 1).tolist() == [0.0, 1.0]


def test_chains_of_few_values_share_the_ranks_of_equal_ones():
    coins = np.random.default_rng(0).integers(0, 2, size=(4, 4000))
    for number, patch in enumerate(rank_bars(coins, bins=4).patches):
        assert np.abs(np.asarray(patch.get_data().values) - number - 0.5).max() < 0.05


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((2, 0)), np.full((2, 3), np.nan)])
def test_chains_without_numbers_are_refused(bad):
    with pytest.raises(DataError, match="chains"):
        trace_lines(bad)


def test_a_gap_that_hardly_swaps_stands_out():
    axes = swap_rates([0.5, 0.02, 0.5], round_trips=7)
    colours = [to_rgb(bar.get_facecolor()) for bar in axes.patches]
    assert colours[0] == colours[2] != colours[1]
    assert axes.get_title() == "barrier 1.98, 7 round trips"


def test_histograms_of_energies_are_densities():
    for patch in energy_histograms(np.random.default_rng(0).normal(size=(500, 3))).patches:
        values, edges, _ = patch.get_data()
        assert (values * np.diff(edges)).sum() == pytest.approx(1)


def test_running_estimates_show_their_difference_and_end():
    axes = running_log_partition([0, 0.5, 1], [1.0, 2.0, 3.0], [1.0, 2.25, 3.5])
    assert axes.get_lines()[1].get_ydata().tolist() == [0, 0.25, 0.5]
    assert axes.get_title() == "at the machine: 3.00 forward, 3.50 reverse"
    with pytest.raises(DataError, match="go together"):
        running_log_partition([0, 1], [1, 2, 3], [1, 2, 3])


@pytest.mark.parametrize("draw", [swap_rates, replica_flow, replica_paths, energy_histograms])
def test_ladders_without_numbers_are_refused(draw):
    with pytest.raises(DataError, match="ladder"):
        draw(np.full((2, 2, 2), np.nan))


def test_neighbouring_lines_differ_in_grey_or_dash():
    greys = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in map(to_rgb, COLOURS)]
    for i in range(len(COLOURS) - 1):
        assert abs(greys[i] - greys[i + 1]) > 0.05 or DASHES[i % 4] != DASHES[(i + 1) % 4]


def test_notes_travel_in_the_picture(tmp_path):
    place = save(image_grid(np.eye(4)[None]), tmp_path / "x.png", note={"seed": "7"})
    assert Image.open(place).text["seed"] == "7"
    assert imread(place).shape[2] == 4


def test_a_figure_of_unknown_format_or_place_is_refused_and_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("in the way")
    for place in (tmp_path / "x.bmp", tmp_path / "x", tmp_path / "file" / "x.png"):
        with pytest.raises((GenlatentError, OSError)):
            save(new_axes(), place)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
