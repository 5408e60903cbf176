import math

import pytest
import torch

from genlatent.data.sources import load_data
from genlatent.errors import DataError


def everything(data):
    x = torch.cat([data.train, data.valid, data.test])
    return (x, None) if data.labels is None else (x, torch.cat(data.labels))


@pytest.mark.parametrize("dimensions", [2, 3])
def test_swiss_roll_lies_on_its_spiral(dimensions):
    x, _ = everything(load_data("swiss-roll", n=500, noise=0.0, dimensions=dimensions))
    radius = 7 * x[:, [0, -1]].norm(dim=1)
    angle = torch.atan2(x[:, -1], x[:, 0])
    turns = (radius - angle) / (2 * math.pi)
    assert x.shape == (500, dimensions)
    assert (turns - turns.round()).abs().max() < 1e-4
    assert radius.min() >= 1.5 * math.pi - 1e-4
    assert radius.max() <= 4.5 * math.pi + 1e-4


def test_moons_are_half_circles_and_labelled():
    x, moon = everything(load_data("two-moons", n=500, noise=0.0))
    upper, lower = x[moon == 0], x[moon == 1] - torch.tensor([1.0, 0.5])
    for part, sign in ((upper, 1), (lower, -1)):
        assert torch.allclose(part.norm(dim=1), torch.ones(len(part)), atol=1e-5)
        assert (sign * part[:, 1] >= -1e-6).all()


def test_eight_gaussians_are_around_their_centres():
    x, k = everything(load_data("8-gaussians", n=8000, noise=0.1))
    for number in range(8):
        angle = number * math.pi / 4
        centre = torch.tensor([2 * math.cos(angle), 2 * math.sin(angle)])
        part = x[k == number] - centre
        assert (part.mean(0).abs() < 4.42 * 0.1 / len(part) ** 0.5).all()  # 16 means, false alarm 1e-5 each
        assert abs(float(part.var()) / 0.01 - 1) < 4.42 * (1 / len(part)) ** 0.5


def test_noise_has_its_scale():
    quiet, noisy = (everything(load_data("two-moons", n=5000, noise=noise))[0] for noise in (0.0, 0.3))
    assert abs(float((noisy - quiet).var()) / 0.09 - 1) < 4.3 * (2 / 10_000) ** 0.5


def test_bad_options():
    with pytest.raises(DataError, match="noise must not be negative"):
        load_data("two-moons", noise=-1.0)
    with pytest.raises(DataError, match="dimensions is 2 or 3, got 4"):
        load_data("swiss-roll", dimensions=4)
    with pytest.raises(DataError, match="size is 2 to 14, got 1"):
        load_data("bars-and-stripes", size=1)
    with pytest.raises(DataError, match="n is at least 10"):
        load_data("patches", n=3)
