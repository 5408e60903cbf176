import pytest
import torch

from genlatent.data.sources import load_data
from genlatent.data.sprites import FACTORS, LEVELS, factors_of, render
from genlatent.errors import DataError


def image(size=32, **factors):
    return render(torch.tensor([[factors.get(name, 0) for name in FACTORS]]), size)[0, 0]


def centre(x):
    at = (torch.arange(x.shape[-1]) + 0.5) / x.shape[-1]
    return float((x.sum(0) * at).sum() / x.sum()), float((x.sum(1) * at).sum() / x.sum())


@pytest.mark.parametrize("size", [32, 64])
def test_the_place_is_where_the_factors_say(size):
    for shape in (0, 1):  # the centre of a heart is not its centre of mass
        cx, cy = centre(image(size, shape=shape, scale=3, orientation=7, x=10, y=25))
        assert abs(cx - (0.24 + 0.52 * 10 / 31)) < 2e-3
        assert abs(cy - (0.24 + 0.52 * 25 / 31)) < 2e-3


def test_the_area_is_what_the_scale_says():
    for shape, area in ((0, 2.0), (1, torch.pi / 2)):
        for scale in range(6):
            radius = 64 * 0.2 * (0.5 + 0.1 * scale)
            found = float(image(64, shape=shape, scale=scale, orientation=3, x=16, y=16).sum())
            assert abs(found / (area * radius**2) - 1) < 0.02


def test_symmetries_and_nothing_but_them():
    quarter, half = LEVELS[2] // 4, LEVELS[2] // 2
    middle = {"scale": 5, "x": 13, "y": 17}
    for shape, period in ((0, quarter), (1, half)):
        assert torch.allclose(image(shape=shape, **middle), image(shape=shape, orientation=period, **middle), atol=1e-4)
    for shape, turn in ((0, 1), (1, quarter), (2, half), (2, quarter)):
        difference = image(shape=shape, **middle) - image(shape=shape, orientation=turn, **middle)
        assert difference.abs().max() > 0.1


def test_factors_can_be_recovered_by_looking():
    """Every other combination nearby gives another image, so the image tells its factors (up to the symmetries)."""
    numbers = torch.randperm(737_280, generator=torch.Generator().manual_seed(0))[:20]
    for factors in factors_of(numbers):
        mine = render(factors[None])
        for column in range(5):
            others = factors.repeat(LEVELS[column], 1)
            others[:, column] = torch.arange(LEVELS[column])
            distance = (render(others) - mine).flatten(1).norm(dim=1)
            same = (distance < 1e-3).nonzero()[:, 0].tolist()
            turns = {0: 4, 1: 2, 2: 1}[int(factors[0])] if column == 2 else 1
            assert len(same) == turns
            assert int(factors[column]) in same


def test_no_sprite_leaves_the_image():
    corners = torch.tensor([[s, 5, o, x, y] for s in range(3) for o in range(40) for x in (0, 31) for y in (0, 31)])
    x = render(corners)
    border = torch.cat([x[..., 0, :], x[..., -1, :], x[..., :, 0], x[..., :, -1]], dim=-1)
    areas = x.sum((1, 2, 3)).reshape(3, -1)
    assert float(border.max()) == 0
    assert ((areas.max(1).values - areas.min(1).values) / areas.mean(1) < 0.02).all()


def test_numbering_is_one_to_one():
    y = factors_of(torch.arange(737_280))
    weights = torch.tensor(LEVELS).flip(0).cumprod(0).roll(1)
    weights[0] = 1
    assert torch.equal((y * weights.flip(0)).sum(1), torch.arange(737_280))


def test_data_set():
    data = load_data("sprites", n=300)
    assert repr(data) == "Dataset('sprites, grey': 240 + 30 + 30 rows of shape (1, 32, 32), unit)"
    assert data.label_names == FACTORS
    assert torch.equal(data.test, render(data.labels.test))
    assert len(torch.cat(data.labels).unique(dim=0)) == 300
    assert load_data("sprites", n=10, image_size=64).title == "sprites-64, grey"


def test_images_are_nearly_bits():
    x = load_data("sprites", n=300).train
    assert float(((x == 0) | (x == 1)).float().mean()) > 0.95
    assert float(x.flatten(1).max(1).values.min()) == 1


def test_rendered_where_the_factors_are(device):
    assert render(torch.zeros(2, 5, dtype=torch.int64, device=device)).device.type == device.type


@pytest.mark.parametrize(("options", "sentence"), [({"n": 2}, "n is 3 to 737280"), ({"image_size": 28}, "is 32 or 64")])
def test_bad_options(options, sentence):
    with pytest.raises(DataError, match=sentence):
        load_data("sprites", **options)
