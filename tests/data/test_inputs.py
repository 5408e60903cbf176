"""Rows made to be compressed: how they vary is known."""

import pytest
import torch
from torch import nn

from genlatent.data.inputs import angle, bump, tangent
from genlatent.data.sources import load_data
from genlatent.errors import DataError


def test_independent_inputs_have_the_covariance_of_the_identity():
    x = load_data("inputs", n=20_000, values=5, factors=None).train
    found = x.T.cov()
    assert (found - torch.eye(5)).abs().max() < 5 * (2 / len(x)) ** 0.5


def test_inputs_of_few_factors_vary_in_as_many_directions():
    data = load_data("inputs", n=5000, values=30, factors=4, noise=0.1)
    values = torch.linalg.eigvalsh(data.train.T.cov()).flip(0)
    assert abs(float(data.train.var(0).mean()) - 1) < 0.1
    assert values[3] > 1
    torch.testing.assert_close(values[4:].mean(), torch.tensor(0.01), rtol=0.05, atol=0)
    assert (len(data.train), len(data.valid), len(data.test)) == (4000, 500, 500)


def test_the_tangent_of_the_ring_is_its_derivative():
    angles, step = torch.linspace(-3, 3, 7).double(), 1e-6
    ahead, behind = (bump(angles + side * step, 30) for side in (1, -1))
    by_hand = nn.functional.normalize(ahead - behind, dim=1)
    torch.testing.assert_close(angle(bump(angles, 30)), angles)
    torch.testing.assert_close(tangent(bump(angles, 30)), by_hand, atol=1e-6, rtol=0)


def test_a_bump_is_highest_at_its_angle():
    x = load_data("ring", n=100, cells=12).train
    at = torch.arange(12) * (2 * torch.pi / 12)
    away = (angle(x).unsqueeze(1) - at).cos()
    assert torch.equal(x.argmax(1), away.argmax(1))


def test_some_of_the_digits_are_the_first_of_them():
    few, all_of_them = load_data("digits", rows=12), load_data("digits")
    assert torch.equal(few.train, all_of_them.train[:12])
    assert torch.equal(few.labels.train, all_of_them.labels.train[:12])
    assert torch.equal(few.test, all_of_them.test)
    assert few.name != all_of_them.name


def test_bad_options():
    with pytest.raises(DataError, match="inputs: n is at least 10"):
        load_data("inputs", factors=0)
    with pytest.raises(DataError, match="cells at least 3, got 10 and 2"):
        load_data("ring", n=10, cells=2)
    with pytest.raises(DataError, match="digits: rows is 1 to 1297, got 2000"):
        load_data("digits", rows=2000)
