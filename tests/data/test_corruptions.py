import pytest
import torch
from scipy.stats import norm
from torch.fx.experimental.proxy_tensor import make_fx

from genlatent.components import build, describe
from genlatent.data.corruptions import (
    BlockOcclusion,
    ExactMasking,
    GaussianNoise,
    InTurn,
    Masking,
    SaltAndPepper,
    Shift,
    UniformNoise,
)
from genlatent.registry import KINDS

Z = norm.isf(1e-5)  # two-sided false alarm 2e-5

ALL = [
    *(Masking(0.3), ExactMasking(0.3), BlockOcclusion(3), GaussianNoise(0.5), SaltAndPepper(0.4), UniformNoise(0.6)),
    *(Shift(2), InTurn([Shift(1), Masking(0.3)])),
]
EVERY = pytest.mark.parametrize("corruption", ALL, ids=lambda corruption: type(corruption).__name__)


def near(found, expected, variance, count):
    return abs(float(found) - expected) < Z * (variance / count) ** 0.5


@EVERY
def test_shape_dtype_device_and_input_are_kept(corruption, device):
    x = torch.full((4, 2, 5, 5), 0.5, dtype=torch.float64, device=device)
    y = corruption(x)
    assert (y.shape, y.dtype, y.device) == (x.shape, x.dtype, x.device)
    assert (x == 0.5).all()
    assert not torch.equal(x, y)


@EVERY
def test_traced_equals_eager(corruption):
    x = torch.rand(4, 1, 5, 5)
    traced = make_fx(corruption, tracing_mode="fake")(x)
    state = torch.get_rng_state()
    expected = corruption(x)
    torch.set_rng_state(state)
    assert torch.equal(traced(x), expected)
    assert not torch.equal(traced(x), expected)


@EVERY
def test_rebuilt_from_plain_values(corruption):
    assert repr(build(describe(corruption), "corruption")) == repr(corruption)


@pytest.mark.parametrize("name", KINDS["corruption"])
def test_registered_by_name(name):
    assert callable(build(name, "corruption"))


def test_masking_hits_each_value_with_probability_p():
    y = Masking(0.3, value=-1.0)(torch.ones(500, 400))
    assert near((y == -1).double().mean(), 0.3, 0.21, y.numel())
    assert set(y.unique().tolist()) == {-1.0, 1.0}


def test_rescaled_masking_keeps_the_mean():
    y = Masking(0.3, rescale=True)(torch.full((500, 400), 2.0))
    assert y.unique().tolist() == pytest.approx([0.0, 2 / 0.7])
    assert near(y.double().mean(), 2.0, (2 / 0.7) ** 2 * 0.21, y.numel())


@pytest.mark.parametrize(("share", "count"), [(0.0, 0), (0.1, 3), (0.25, 8), (0.99, 30), (1.0, 30)])
def test_exact_masking_hits_the_same_number_in_every_row(share, count):
    y = ExactMasking(share)(torch.ones(200, 1, 5, 6))
    assert ((y == 0).flatten(1).sum(1) == count).all()


def test_exact_masking_hits_every_place_equally():
    y = ExactMasking(0.2)(torch.ones(20_000, 10))
    hits = (y == 0).double().mean(0)
    assert all(near(hit, 0.2, 0.16, len(y)) for hit in hits)


def test_the_block_is_a_square_inside_the_image_at_every_place_equally():
    y = BlockOcclusion(2)(torch.ones(20_000, 2, 4, 3))
    covered = y == 0
    assert (covered.sum((2, 3)) == 4).all()
    assert torch.equal(covered[:, 0], covered[:, 1])
    corners = covered[:, 0, :3, :2] & covered[:, 0, 1:, 1:]
    diagonal = corners & covered[:, 0, :3, 1:] & covered[:, 0, 1:, :2]
    places = diagonal.flatten(1).double().mean(0)
    assert all(near(place, 1 / 6, 5 / 36, len(y)) for place in places)
    assert (diagonal.flatten(1).sum(1) == 1).all()


def test_a_block_may_cover_the_whole_image_but_no_more():
    assert (BlockOcclusion(4)(torch.ones(2, 4, 4)) == 0).all()
    with pytest.raises(ValueError, match=r"a block of 5 does not fit into images of shape \(4, 4\)"):
        BlockOcclusion(5)(torch.ones(2, 4, 4))
    with pytest.raises(ValueError, match=r"does not fit into images of shape \(16,\)"):
        BlockOcclusion(2)(torch.ones(2, 16))


def test_a_shift_moves_an_image_with_all_its_channels_everywhere_equally():
    image = torch.arange(1.0, 25.0).reshape(2, 3, 4)
    y = Shift(1, value=-1.0)(image.expand(20_000, 2, 3, 4))
    wide = torch.full((2, 5, 6), -1.0)
    wide[:, 1:-1, 1:-1] = image
    every = [wide[:, i : i + 3, j : j + 4] for i in range(3) for j in range(3)]
    shares = torch.stack([(y == moved).flatten(1).all(1) for moved in every]).double().mean(1)
    assert float(shares.sum()) == pytest.approx(1.0)
    assert all(near(share, 1 / 9, 8 / 81, len(y)) for share in shares)


def test_a_shift_by_nothing_leaves_rows_and_only_images_are_shifted():
    x = torch.rand(3, 1, 4, 4)
    assert torch.equal(Shift(0)(x), x)
    with pytest.raises(ValueError, match=r"only images can be shifted, not rows of shape \(16,\)"):
        Shift(1)(x.flatten(1))


def test_corruptions_in_turn_see_what_was_made_before():
    assert (InTurn([Masking(1.0, value=2.0), GaussianNoise(0.0)])(torch.ones(2, 3)) == 2).all()
    turned = InTurn([Masking(1.0), Masking(1.0, value=3.0)])
    assert (turned(torch.ones(2, 3)) == 3).all()
    assert InTurn([Masking(0.0), Shift(0)]).idle
    assert not turned.idle
    assert [type(one) for one in build({"name": "in-turn", "corruptions": ["shift"]}, "corruption").corruptions] == [
        Shift
    ]


def test_gaussian_noise_has_the_scale():
    y = GaussianNoise(0.5)(torch.full((400, 500), 2.0)).double()
    assert near(y.mean(), 2.0, 0.25, y.numel())
    assert near(y.var(), 0.25, 2 * 0.25**2, y.numel())


def test_salt_and_pepper_come_in_equal_parts():
    y = SaltAndPepper(0.4)(torch.full((400, 500), 0.5))
    for value, share in ((0.0, 0.2), (1.0, 0.2), (0.5, 0.6)):
        assert near((y == value).double().mean(), share, share * (1 - share), y.numel())


def test_uniform_noise_is_centred_and_bounded():
    y = UniformNoise(0.6)(torch.zeros(400, 500)).double()
    assert y.abs().max() <= 0.3 + 1e-6
    assert near(y.mean(), 0.0, 0.36 / 12, y.numel())
    assert near((y * y).mean(), 0.03, 0.3**4 / 5 - 0.03**2, y.numel())


def test_masking_takes_missing_values_along():
    x = torch.tensor([[torch.nan, 1.0]])
    assert Masking(0.0)(x).isnan().tolist() == [[True, False]]
    assert Masking(1.0)(x).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Masking(1.5), "p must be between 0 and 1, got 1.5"),
        (lambda: Masking(0.1, value=1.0, rescale=True), "rescale takes p below 1 and a value of 0, got 0.1 and 1.0"),
        (lambda: Masking(1.0, rescale=True), "rescale takes p below 1 and a value of 0, got 1.0 and 0.0"),
        (lambda: ExactMasking(-0.1), "share must be between 0 and 1, got -0.1"),
        (lambda: SaltAndPepper(2.0), "p must be between 0 and 1, got 2.0"),
        (lambda: GaussianNoise(-1.0), "scale must not be negative, got -1.0"),
        (lambda: UniformNoise(float("nan")), "width must not be negative, got nan"),
        (lambda: BlockOcclusion(0), "size must be at least 1, got 0"),
        (lambda: Shift(-1), "size must not be negative, got -1"),
    ],
)
def test_bad_arguments(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()
