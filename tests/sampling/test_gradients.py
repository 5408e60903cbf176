import pytest
import torch

from genlatent.errors import DataError, RecipeError
from genlatent.sampling.driver import run, trace
from genlatent.sampling.gradients import GibbsWithGradients
from tests.densities import potts, potts_points
from tests.machines import Exact, rbm
from tests.statistics import assert_means

NAN = float("nan")


def test_clamped_sites_stay_and_the_others_follow(device):
    machine, generator = rbm().to(device), torch.Generator(device).manual_seed(0)
    given = torch.tensor([1, NAN, NAN, 0, NAN, NAN], device=device)
    kernel = GibbsWithGradients(machine.free_energy, 6, given=given, changes=4)
    draws = trace(kernel, kernel.init(200, generator), 80, burn_in=30, generator=generator)[1]["x"]
    assert_means(draws, Exact(machine, given={"visible": given}).mean("visible").detach())


def test_a_clamped_colour_leaves_the_other_site_free(device):
    given = torch.tensor([[NAN, NAN, NAN], [0, 1, 0]], device=device)
    kernel = GibbsWithGradients(potts, (2, 3), "categorical", given=given)
    draws = trace(kernel, kernel.init(300), 60, burn_in=20)[1]["x"]
    states, probability = potts_points(1.0)
    fits = (states["x"][:, 1, 1] == 1).double() * probability
    assert_means(draws[:, :, 0], torch.einsum("s,sq->q", fits / fits.sum(), states["x"][:, 0]))


def test_every_site_keeps_one_colour():
    kernel = GibbsWithGradients(potts, (2, 3), "categorical")
    x = run(kernel, kernel.init(50), 20).layers["x"]
    assert x.sum(-1).eq(1).all()
    assert x.max() == 1


def test_a_field_without_couplings_is_proposed_as_it_is(device):
    field = torch.tensor([0.5, -1.0], device=device)
    kernel = GibbsWithGradients(lambda x: -(x @ field), 2)
    state = kernel.at(torch.tensor([[0.0, 0.0]], device=device))
    expected = (field / 2).softmax(0)
    assert torch.allclose(kernel._log_proposal(*state[:1][0].values(), state.slope, state.beta).exp()[0], expected)


def test_bad_input_is_named():
    with pytest.raises(RecipeError, match="support must be binary, spin or categorical, got 'real'"):
        GibbsWithGradients(potts, (2, 3), "real")
    with pytest.raises(RecipeError, match="changes must be at least 1"):
        GibbsWithGradients(potts, (2, 3), changes=0)


@pytest.mark.parametrize(
    ("support", "given", "sentence"),
    [
        ("binary", [0.0, 0.5, NAN, 1, NAN, NAN], "given: 0.5 in row 0, column 1 is not binary"),
        ("spin", [1.0, -1, 0, NAN, NAN, NAN], "given: 0 in row 0, column 2 is not spin"),
        ("categorical", [[1.0, 1, 0], [NAN, NAN, NAN]], "is not one-hot:3"),
        ("categorical", [[1.0, NAN, 0], [NAN, NAN, NAN]], "is not one-hot:3"),
    ],
)
def test_given_values_outside_the_support_are_refused(support, given, sentence, device):
    given = torch.tensor(given, device=device)
    with pytest.raises(DataError, match=sentence):
        GibbsWithGradients(rbm().to(device).free_energy, tuple(given.shape), support, given=given)


def test_chains_outside_the_support_are_refused(device):
    with pytest.raises(DataError, match=r"chains: 0\.5 in row 0, column 0 is not binary"):
        GibbsWithGradients(rbm().to(device).free_energy, 6).at(torch.full((2, 6), 0.5, device=device))
