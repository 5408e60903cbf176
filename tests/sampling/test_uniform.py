import numpy as np
import pytest
import torch
from scipy.stats import chisquare, kstest

from genlatent.sampling import uniform
from genlatent.sampling.uniform import Uniform


@pytest.fixture(scope="module")
def u(device):
    return Uniform(torch.Generator(device).manual_seed(11)).like(torch.empty(4001, 33, device=device)).clone()


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


def test_the_low_bits_are_uniform_over_columns_and_shared_by_chains(device):
    uniform, rows = Uniform(torch.Generator(device).manual_seed(4)), []
    for _ in range(200):
        low = (uniform.like(torch.empty(3, 500, device=device)).double() * 2**24).long() & 255
        assert torch.equal(low[0], low[2])
        rows.append(low[0])
    assert chisquare(np.bincount(torch.stack(rows).flatten(), minlength=256)).pvalue > 1e-3


def test_the_chains_may_lie_along_the_other_axis(device):
    x = Uniform(torch.Generator(device).manual_seed(4)).like(torch.empty(500, 4, device=device), chains=1)
    low = (x.double() * 2**24).long() & 255
    assert torch.equal(low[:, 0], low[:, 3])
    assert len(low[:, 0].unique()) > 100
    assert kstest(x.double().flatten(), "uniform").pvalue > 1e-3


def test_neighbours_in_every_direction_are_uncorrelated(u):
    x = (u - 0.5).double()
    bound = 4.3 / 12 / x.numel() ** 0.5
    for shifted in (x.roll(1, 0), x.roll(1, 1), x.roll(2, 1), x.roll(3, 1), x.roll(4, 1)):
        assert abs((x * shifted).mean()) < bound


def test_calls_continue_the_stream_and_seeds_repeat_it(device):
    first, again = (Uniform(torch.Generator(device).manual_seed(2)) for _ in range(2))
    x = torch.empty(7, 5, device=device)
    a, b = first.like(x).clone(), first.like(x).clone()
    assert not torch.equal(a, b)
    assert torch.equal(a, again.like(x))
    assert torch.equal(b, again.like(x))


def test_float64_and_other_devices_use_the_ordinary_call(device):
    x = torch.empty(4, 3, dtype=torch.float64, device=device)
    one, two = (torch.Generator(device).manual_seed(3) for _ in range(2))
    assert torch.equal(Uniform(one).like(x), torch.rand(4, 3, generator=two, dtype=x.dtype, device=device))


def filled(seed, threads, monkeypatch):
    """Two large matrices in a row, filled by that many threads."""
    monkeypatch.setattr(uniform, "LARGE", 1000)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    numbers = Uniform(torch.Generator().manual_seed(seed))
    return torch.stack([numbers.like(torch.empty(401, 33)).clone() for _ in range(2)])


def test_large_matrices_do_not_depend_on_the_number_of_threads(monkeypatch):
    one, three = filled(2, 1, monkeypatch), filled(2, 3, monkeypatch)
    assert torch.equal(one, three)
    assert not torch.equal(one[0], one[1])
    assert not torch.equal(one, filled(3, 1, monkeypatch))


def test_streams_of_a_large_matrix_are_uniform_and_do_not_repeat_each_other(monkeypatch):
    x = filled(2, 2, monkeypatch)[0].double()
    assert kstest(x.flatten(), "uniform").pvalue > 1e-3
    parts = x.flatten()[: x.numel() // uniform.STREAMS * uniform.STREAMS].view(uniform.STREAMS, -1)
    apart = torch.corrcoef(parts) - torch.eye(uniform.STREAMS)
    assert apart.abs().max() < 4.3 / parts.shape[1] ** 0.5
