import numpy as np
import pytest
import torch
from scipy.stats import chisquare, kstest

from genlatent.sampling.uniform import Uniform


@pytest.fixture(scope="module")
def u():
    return Uniform(torch.Generator().manual_seed(11)).like(torch.empty(4001, 33)).clone()


def test_numbers_are_24_bit_fractions_below_one(u):
    assert u.min() >= 0
    assert u.max() < 1
    assert torch.equal(u.double() * 2**24, (u.double() * 2**24).floor())


def test_numbers_are_uniform(u):
    assert kstest(u.double().flatten(), "uniform").pvalue > 1e-3


@pytest.mark.parametrize("bits", [range(0, 6), range(5, 11), range(10, 16)])
def test_the_high_bits_are_uniform_together(u, bits):
    whole = (u.double() * 2**24).long() >> 8
    part = (whole >> bits.start) & (2 ** len(bits) - 1)
    assert chisquare(np.bincount(part.flatten(), minlength=2 ** len(bits))).pvalue > 1e-3


def test_the_low_bits_are_uniform_over_columns_and_shared_by_chains():
    uniform, rows = Uniform(torch.Generator().manual_seed(4)), []
    for _ in range(200):
        low = (uniform.like(torch.empty(3, 500)).double() * 2**24).long() & 255
        assert torch.equal(low[0], low[2])
        rows.append(low[0])
    assert chisquare(np.bincount(torch.stack(rows).flatten(), minlength=256)).pvalue > 1e-3


def test_the_chains_may_lie_along_the_other_axis():
    x = Uniform(torch.Generator().manual_seed(4)).like(torch.empty(500, 4), chains=1)
    low = (x.double() * 2**24).long() & 255
    assert torch.equal(low[:, 0], low[:, 3])
    assert len(low[:, 0].unique()) > 100
    assert kstest(x.double().flatten(), "uniform").pvalue > 1e-3


def test_neighbours_in_every_direction_are_uncorrelated(u):
    x = (u - 0.5).double()
    bound = 4.3 / 12 / x.numel() ** 0.5
    for shifted in (x.roll(1, 0), x.roll(1, 1), x.roll(2, 1), x.roll(3, 1), x.roll(4, 1)):
        assert abs((x * shifted).mean()) < bound


def test_calls_continue_the_stream_and_seeds_repeat_it():
    first, again = (Uniform(torch.Generator().manual_seed(2)) for _ in range(2))
    x = torch.empty(7, 5)
    a, b = first.like(x).clone(), first.like(x).clone()
    assert not torch.equal(a, b)
    assert torch.equal(a, again.like(x))
    assert torch.equal(b, again.like(x))


def test_float64_and_other_devices_use_the_ordinary_call(device):
    x = torch.empty(4, 3, dtype=torch.float64, device=device)
    one, two = (torch.Generator(device).manual_seed(3) for _ in range(2))
    assert torch.equal(Uniform(one).like(x), torch.rand(4, 3, generator=two, dtype=x.dtype, device=device))
