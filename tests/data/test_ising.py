import pytest
import torch
from scipy.stats import norm

from genlatent.data.ising import CRITICAL, energy, spins
from genlatent.data.patterns import bits_of
from genlatent.data.sources import load_data
from genlatent.errors import DataError


def exact(size, temperature):
    """Mean energy, its variance and the mean of |magnetisation|, over all states."""
    s = (2 * bits_of(size * size) - 1).reshape(-1, size, size).double()
    e = energy(s)
    p = torch.softmax(-e / temperature, 0)
    magnetisation = s.mean((1, 2)).abs()
    mean = (p * e).sum()
    return mean, (p * (e - mean) ** 2).sum(), (p * magnetisation).sum(), (p * magnetisation**2).sum()


@pytest.mark.parametrize(("size", "temperature"), [(2, 2.0), (3, CRITICAL), (3, 5.0), (4, 1.8)])
def test_energy_and_magnetisation_agree_with_enumeration(size, temperature):
    chains, draws = 400, 8
    s = spins(chains, size, temperature, draws=draws, generator=torch.Generator().manual_seed(1))
    s = s.double().reshape(chains, draws, size, size)
    mean, _, magnetisation, _ = exact(size, temperature)
    for values, expected in ((energy(s), mean), (s.mean((2, 3)).abs(), magnetisation)):
        of_chains = values.mean(1)  # independent of each other, whatever the correlation within
        bound = norm.isf(1e-5) * of_chains.std() / chains**0.5
        assert abs(of_chains.mean() - expected) < bound


def test_neither_sign_is_preferred():
    s = spins(400, 3, CRITICAL, draws=1, generator=torch.Generator().manual_seed(1))
    up = (s.mean((1, 2, 3, 4)) > 0).double().mean()
    assert abs(up - 0.5) < norm.isf(1e-5) * 0.5 / 20


def test_data_set():
    data = load_data("ising", size=4, temperature=3.0, n=1003)
    assert repr(data) == "Dataset('ising-4x4-T3': 703 + 150 + 150 rows of shape (1, 4, 4), spin)"
    assert set(data.train.unique().tolist()) == {-1.0, 1.0}


@pytest.mark.parametrize("options", [{"size": 1}, {"n": 3}, {"temperature": 0.0}])
def test_bad_options(options):
    with pytest.raises(DataError, match="ising: size >= 2, n >= 10 and temperature > 0"):
        load_data("ising", **options)
