"""The two-dimensional Ising model on a torus, against sums over its states and against the transfer matrix."""

import itertools
import math

import pytest
import torch

from genlatent.data.ising import CRITICAL
from genlatent.data.ising import energy as lattice_energy
from genlatent.energy.masks import Lattice
from genlatent.energy.units import Spin
from genlatent.energy.visible import FullyVisibleBoltzmannMachine
from genlatent.sampling.sites import grouped
from tests.statistics import assert_mean

TEMPERATURES = [1.8, CRITICAL, 3.5, 6.0]


def torus(size, device="cpu"):
    """All neighbours coupled with strength 1."""
    model = FullyVisibleBoltzmannMachine((size, size), Spin(), mask=Lattice((size, size)))
    with torch.no_grad():
        model.visible_visible_weight.fill_(1)
    return model.to(device)


def enumerated(device, size, temperature):
    """Mean energy and mean absolute magnetisation of a site, by listing all states."""
    number = torch.arange(2 ** (size * size), device=device).unsqueeze(1)
    s = 2.0 * (number >> torch.arange(size * size, device=device) & 1).double() - 1
    energy = lattice_energy(s.reshape(-1, size, size))
    p = (-energy / temperature).softmax(0)
    return float(p @ energy) / size**2, float(p @ s.mean(1).abs())


def log_partition(device, size, beta):
    """ln Z from the eigenvalues of the transfer matrix between rows."""
    rows = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=size)), dtype=torch.float64, device=device)
    inner = (rows * rows.roll(-1, 1)).sum(1)
    T = (beta * (rows @ rows.T + (inner.unsqueeze(1) + inner) / 2)).exp()
    return float(torch.linalg.eigvalsh(T).pow(size).sum().log())


def transferred(device, size, temperature, step=1e-4):
    """Mean energy of a site, -d ln Z / d beta."""
    beta = 1 / temperature
    return -(log_partition(device, size, beta + step) - log_partition(device, size, beta - step)) / (2 * step) / size**2


def draws(model, temperature, device, chains=40, draws=400, thin=2):
    def observe(state):
        s = state.layers["visible"]
        return {"energy": model.energy(state.layers), "magnetisation": s.mean(1).abs()}

    generator = torch.Generator(device).manual_seed(0)
    how = {"chains": chains, "burn_in": 200, "thin": thin, "temperature": temperature, "generator": generator}
    return model.trace(draws, observe=observe, **how)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_a_torus_of_4_by_4_against_all_its_states(temperature, device):
    model = torus(4, device)
    assert grouped(model.colours["visible"])
    assert len(model.colours["visible"]) == 2
    energy, magnetisation = enumerated(device, 4, temperature)
    found = draws(model, temperature, device)
    assert_mean(found["energy"].cpu() / 16, energy)
    assert_mean(found["magnetisation"].cpu(), magnetisation)


@pytest.mark.parametrize("temperature", [2.0, CRITICAL, 4.0])
def test_a_torus_of_8_by_8_against_the_transfer_matrix(temperature, device):
    found = draws(torus(8, device), temperature, device, thin=5)
    assert_mean(found["energy"].cpu() / 64, transferred(device, 8, temperature))


def test_the_two_exact_answers_agree(device):
    for temperature in TEMPERATURES:
        assert math.isclose(enumerated(device, 4, temperature)[0], transferred(device, 4, temperature), rel_tol=1e-6)


def test_log_partition_of_a_torus(device):
    model = torus(4, device)
    found = model.log_partition_exact(beta=0.3).detach()
    assert math.isclose(float(found), log_partition(device, 4, 0.3), rel_tol=1e-10)
