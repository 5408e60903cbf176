"""Autoencoders in lectures: what is known exactly, and which side must win."""

import math

import numpy as np
import pytest
import torch

from genlatent import Autoencoder, load_data
from genlatent.autoencoders.codes import NoisyCode
from genlatent.data.dataset import Dataset
from genlatent.evaluation.lectures import code_sizes, copying, filters, robustness, sheets, tangents
from genlatent.evaluation.lectures.compressibility import compressibility, principal
from genlatent.evaluation.lectures.convolutions import convolutional_and_dense
from genlatent.evaluation.lectures.memorising import one_unit_codes
from genlatent.evaluation.lectures.sparse_codes import sparse_codes
from genlatent.evaluation.lectures.trained import autoencoder, layer, share_lost, trained
from genlatent.evaluation.lectures.traversal import principal_directions, traversal
from genlatent.networks.mlp import MLP
from genlatent.objectives.reconstruction import Reconstruction


@pytest.fixture(scope="module")
def digits():
    return load_data("digits")


@pytest.fixture
def named():
    return lambda found: {one.name: one for one in found}


def linear(weight):
    """An autoencoder that encodes by this matrix and decodes by its transpose."""
    model = Autoencoder((weight.shape[1],), len(weight), encoder=MLP(()), decoder=MLP(()))
    with torch.no_grad():
        model.encoder.layers[0].weight.copy_(weight)
        model.decoder.layers[0].weight.copy_(weight.T)
    return model


def test_weights_depend_on_the_seed_alone(digits):
    one, two, other = (autoencoder(digits, latent=3, seed=seed) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters()))
    assert not torch.equal(one.encoder.layers[0].weight, other.encoder.layers[0].weight)
    before = torch.get_rng_state()
    trained(digits, latent=3, epochs=1)
    assert torch.equal(before, torch.get_rng_state())


def test_independent_inputs_lose_half_and_correlated_ones_next_to_nothing(named):
    found = named(compressibility(rows=600))
    for one in found.values():
        assert one.lost == pytest.approx(one.optimum, rel=0.02)
    assert found["independent"].lost == pytest.approx(0.5, abs=0.06)
    assert found["correlated"].lost < 0.02 * found["independent"].lost


def test_the_principal_subspace_holds_all_rows_that_lie_in_it():
    x = torch.randn(50, 3) @ torch.randn(3, 10) + 1
    torch.testing.assert_close(principal(x, x[:5], 3), x[:5], atol=1e-4, rtol=0)
    assert share_lost(principal(x, x, 2), x) > 1e-3


def test_only_what_is_held_back_tells_digits_from_shuffled_pixels(digits, named):
    found = named(copying.overcomplete_codes(digits))
    assert found["nothing"].shuffled < 0.05
    for name, one in found.items():
        assert name == "nothing" or one.shuffled > 5 * found["nothing"].shuffled, name
        assert name == "nothing" or one.shuffled - one.data > 0.1, name


def test_shuffled_pixels_keep_every_pixels_values():
    x = torch.arange(12.0).reshape(4, 1, 3, 1)
    shuffled = copying.shuffled_pixels(x, seed=1)
    assert torch.equal(shuffled.sort(0).values, x)
    assert not torch.equal(shuffled, x)


@pytest.mark.slow
def test_one_unit_memorises_unless_it_is_held_back(digits, named):
    found = named(one_unit_codes(digits, rows=8, epochs=600))
    assert found["nothing"].seen < 0.3
    assert found["nothing"].unseen > 1
    for name, one in found.items():
        assert name == "nothing" or one.seen > 1.2 * found["nothing"].seen, name
        assert name == "nothing" or one.unseen < found["nothing"].unseen, name


def test_denoising_protects_the_reconstruction_and_contraction_the_code(digits, named):
    found = named(robustness.robustness(digits))
    plain, denoising, contractive = (found[name] for name in ("plain", "denoising", "contractive"))
    assert contractive.code < 0.95 * denoising.code < 0.95 * plain.code
    assert denoising.reconstruction < 0.95 * contractive.reconstruction < 0.95 * plain.reconstruction
    assert plain.gradient == contractive.gradient == 0
    assert denoising.gradient > 0.01


def test_the_gradients_variance_is_that_of_its_draws():
    """With z = w x + e the gradient of (z v - x)^2 by v is 2 (z v - x) z: moments of a normal tell its variance."""
    model = linear(torch.ones(1, 1)).double()
    model.code = NoisyCode(0.5)
    for parameter in (*model.encoder.parameters(), model.decoder.layers[0].bias):
        parameter.requires_grad_(False)
    model.parameters = lambda: [model.decoder.layers[0].weight]
    x = torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    data = Dataset(x, x, x, x.shape[1:], "real", "two")
    found = robustness.gradient_variance(model, Reconstruction(), data, rows=1, draws=1500)
    s = 0.25  # 2 e (1 + e) has mean 2 s and second moment 4 (s + 3 s^2), with the variance s of e
    assert found == pytest.approx((4 * (s + 3 * s**2) - 4 * s**2) / (4 * s**2), rel=0.3)


def test_the_spectrum_of_a_linear_encoder_is_that_of_its_matrix():
    weight = torch.diag(torch.tensor([3.0, 2.0, 0.5]))
    x, tangent = torch.randn(5, 3), torch.tensor([1.0, 0.0, 0.0]).expand(5, 3)
    found = tangents.spectrum("linear", linear(weight), x, tangent)
    torch.testing.assert_close(found.values, torch.tensor([3.0, 2.0, 0.5]))
    assert found.along == pytest.approx(3.0)
    assert found.across == pytest.approx(math.sqrt((4 + 0.25) / 2), rel=1e-5)


def test_a_penalty_leaves_the_code_sensitive_along_the_manifold(named):
    found = named(tangents.spectra())
    ratios = {name: one.along / one.across for name, one in found.items()}
    assert ratios["contractive"] > 1.2 * ratios["denoising"] > 1.2 * ratios["plain"] > 1.2
    values = found["contractive"].values
    assert values[5] > 2 * values[6], "five or six directions of the curve stand out"


@pytest.mark.slow
def test_two_numbers_of_a_curved_code_say_where_on_the_sheet_a_point_lies_and_those_of_a_plane_do_not(named):
    found = named(sheets.unrolled(rows=2000, epochs=150))
    assert found["plane"].lost == pytest.approx(found["plane"].optimum, rel=0.02)
    assert found["deep"].lost < 0.4 * found["plane"].optimum
    assert found["deep"].codes.shape == (found["deep"].x.shape[0], 2)


def test_places_on_the_sheet_are_those_that_made_it():
    t = torch.linspace(1.5, 4.5, 50) * math.pi
    x = torch.stack([t / 7 * t.cos(), torch.zeros(50), t / 7 * t.sin()], dim=1)
    torch.testing.assert_close(sheets.along_the_sheet(x), t, atol=1e-4, rtol=0)


def test_smaller_codes_lose_more(digits):
    found = code_sizes.compressed(digits, (32, 8, 2), epochs=20)
    lost = [one.lost for one in found]
    assert lost[0] < 0.6 * lost[1] < 0.36 * lost[2] < 0.36
    assert found[0].reconstructions.shape == (12, 1, 8, 8)


def test_denoised_rows_are_nearer_to_the_clean_ones_where_there_is_much_noise(digits):
    found = {(one.units, one.noise): one for one in code_sizes.denoised(digits, (64, 8), (0.1, 0.5), epochs=30)}
    assert found[64, 0.5].before == found[8, 0.5].before
    assert all(found[units, 0.5].after < 0.3 * found[units, 0.5].before for units in (64, 8))
    assert found[64, 0.1].after < 0.8 * found[8, 0.1].after


@pytest.mark.slow
def test_convolutions_take_away_more_noise_with_half_the_weights(digits):
    found = convolutional_and_dense(digits, epochs=40)
    conv, dense = ([one for one in found if one.name == name] for name in ("convolutional", "dense"))
    assert conv[0].parameters < 0.5 * dense[0].parameters
    assert sum(one.lost for one in conv) < 0.95 * sum(one.lost for one in dense)


def test_a_wave_is_tuned_and_noise_is_not():
    column = torch.arange(10) * 2 * math.pi / 10
    wave = (3 * column).cos().expand(1, 1, 10, 10)
    noise = torch.randn(200, 1, 10, 10)
    assert float(filters.tuning(wave + 5)) == pytest.approx(1.0, abs=1e-5)
    assert float(filters.tuning(noise).mean()) == pytest.approx(math.log(50) / 50, rel=0.25)


def test_activity_is_the_share_of_units_that_are_on():
    code = (torch.rand(4000, 3) < torch.tensor([0.1, 0.5, 1.0])).float() * 7
    assert filters.activity(code) == pytest.approx((0.1 + 0.5 + 1) / 3, abs=0.02)


def test_patches_of_photographs_give_edges():
    found = filters.of_patches(load_data("patches", n=4000), epochs=40)
    assert found.weights.shape == (100, 1, 10, 10)
    assert found.tuning > 0.2
    assert found.active < 0.1
    assert found.lost < 0.7


def test_fewer_units_lose_more_and_stand_for_larger_parts(digits):
    few, many = filters.ksparse(digits, (2, 40), epochs=30)
    assert few.lost > 3 * many.lost
    assert few.active < 0.1 < many.active
    assert few.weights.shape == (100, 1, 8, 8)


def test_each_penalty_leaves_its_mark_on_codes_and_filters(digits, named):
    found = named(filters.side_by_side(digits, epochs=30))
    assert list(found) == ["sparse", "k-sparse", "contractive"]
    sparse, ksparse, contractive = found.values()
    assert max(sparse.active, ksparse.active) < 0.2 < 0.6 < contractive.active
    assert all(one.weights.shape == (100, 1, 8, 8) and one.lost < 0.4 for one in found.values())
    noise = float(filters.tuning(torch.randn(200, 1, 8, 8)).mean())
    assert all(one.tuning > 1.1 * noise for one in found.values())


def test_noise_makes_filters_smooth():
    data = load_data("patches", n=1500, size=16)
    found = filters.pooling_and_noise(data, epochs=8)
    names = [one.name for one in found]
    assert names == ["stride, noise 0", "stride, noise 1", "pooling, noise 0", "pooling, noise 1"]
    clean, noisy = ([one for one in found if one.name.endswith(end)] for end in ("noise 0", "noise 1"))
    assert sum(one.tuning for one in noisy) > sum(one.tuning for one in clean)


def test_directions_are_those_of_the_covariance_and_decoded_about_the_mean():
    model = linear(torch.eye(2))
    x = torch.tensor([[3.0, 1.0], [-1.0, 1.0], [1.0, 2.0], [1.0, 0.0]])
    found = traversal(model, x, directions=2, num_steps=3)
    torch.testing.assert_close(found.share, torch.tensor([0.8, 0.2]))
    torch.testing.assert_close(found.rows[:, 1], torch.ones(2, 2))
    reach = 2 * math.sqrt(8 / 3)
    assert sorted(found.rows[0, :, 0].tolist()) == pytest.approx([1 - reach, 1, 1 + reach], rel=1e-5)
    _, scale, axes = principal_directions(torch.randn(20, 5))
    torch.testing.assert_close(axes @ axes.T, torch.eye(5))
    assert (scale.diff() <= 0).all()


@pytest.mark.slow
def test_codes_that_are_inferred_lose_less_than_encoded_ones_with_as_many_units_on():
    data = load_data("digits", rows=400)
    found = sparse_codes(data, 80, weights=(0.1, 0.3, 1.0), ks=(5,), epochs=12)
    names = ("sparse coding", "L1 autoencoder", "k-sparse autoencoder")
    inferred, encoded, kept = ([one for one in found if one.name == name] for name in names)
    for curve in (inferred, encoded):
        assert [one.on for one in curve] == sorted((one.on for one in curve), reverse=True)
        assert [one.lost for one in curve] == sorted(one.lost for one in curve)
    few_first = sorted(encoded, key=lambda one: one.on)
    for one in inferred[:2]:
        as_many = np.interp(one.on, [other.on for other in few_first], [other.lost for other in few_first])
        assert one.lost < 0.9 * as_many
    assert kept[0].on == 5


def test_a_layer_has_the_units_it_is_asked_for():
    assert layer("sigmoid").output_activation == "sigmoid"
    assert layer().hidden == ()
