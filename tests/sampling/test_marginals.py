"""Marginals of the kernels that follow slopes, over sizes, seeds and temperatures, against sums and closed forms."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genlatent.energy.rbm import RBM
from genlatent.energy.units import Spin
from genlatent.sampling.driver import trace
from genlatent.sampling.gradients import GibbsWithGradients
from genlatent.sampling.hmc import HMC
from genlatent.sampling.mala import MALA
from tests.machines import Exact, skewed
from tests.statistics import assert_means

CHAINS, DRAWS = 200, 40
TEMPERATURES = (0.5, 1.0, 3.0)

quick = settings(max_examples=5, deadline=None, derandomize=True)


def first_and_second(x):
    """Values and the products of neighbours."""
    return torch.cat((x, x * x.roll(1, -1)), -1)


def observed(kernel, generator, burn_in, thin):
    state = kernel.init(CHAINS, generator)
    how = {"burn_in": burn_in, "thin": thin, "generator": generator}
    return trace(kernel, state, DRAWS, observe=lambda s: {"f": first_and_second(s.layers["x"])}, **how)[1]["f"].cpu()


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("unit", [None, Spin], ids=["bits", "spins"])
@quick
@given(visible=st.integers(2, 6), hidden=st.integers(1, 5), seed=st.integers(0, 10_000))
def test_gibbs_with_gradients(temperature, unit, device, visible, hidden, seed):
    machine = skewed(RBM(visible, hidden, visible_units=unit and unit()), 0.6, seed)
    states, log_p = Exact(machine, 1 / temperature).marginal("visible")
    moved, beta = machine.to(device), 1 / temperature
    energy = lambda v: moved.free_energy(v, beta=beta) / beta  # noqa: E731
    kernel = GibbsWithGradients(energy, visible, machine.support, changes=visible, temperature=temperature)
    found = observed(kernel, torch.Generator(device).manual_seed(seed), 40, 2)
    assert_means(found, log_p.exp() @ first_and_second(states), false_alarm=2e-6, rare=True)


class Tilted:
    r""":math:`E(x) = k (x_i - m_i)^2 / 2 - \log(1 + e^{a_i x_i})`, correlated by a rotation: a skewed mixture, exactly.

    Along each axis :math:`e^{-E}` is a sum of two normal laws, since :math:`(1 + e^{a x}) e^{-k (x - m)^2 / 2}` is.
    """

    def __init__(self, size, seed, temperature=1.0):
        generator = torch.Generator().manual_seed(seed)
        self.mean = torch.randn(size, generator=generator).double()
        self.precision = 0.5 + 2 * torch.rand(size, generator=generator).double()
        self.tilt = 2 * torch.randn(size, generator=generator).double()
        turned = torch.randn(size, size, generator=generator).double()
        self.axes = torch.linalg.qr(turned).Q
        self.temperature = temperature

    def __call__(self, x):
        y = x @ self.axes.to(x)
        k, m, a = (part.to(x) for part in (self.precision, self.mean, self.tilt))
        return (k * (y - m).square() / 2 - torch.nn.functional.softplus(a * y)).sum(1)

    def moments(self):
        """Means and second moments of x, each axis integrated by itself."""
        y = torch.linspace(-40, 40, 40_001, dtype=torch.float64).unsqueeze(1)
        height = self.precision * (y - self.mean).square() / 2 - torch.nn.functional.softplus(self.tilt * y)
        p = (-height / self.temperature).softmax(0)
        mean, square = (p * y).sum(0), (p * y.square()).sum(0)
        second = self.axes @ (torch.outer(mean, mean) + torch.diag(square - mean.square())) @ self.axes.mT
        at = torch.arange(len(mean))
        return torch.cat((self.axes @ mean, second[at, (at - 1) % len(mean)]))


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("kind", [HMC, MALA])
@quick
@given(size=st.integers(1, 5), seed=st.integers(0, 10_000))
def test_kernels_that_follow_slopes(kind, temperature, device, size, seed):
    target = Tilted(size, seed, temperature)
    how = {"leaps": 6} if kind is HMC else {"size": 0.5}
    kernel = kind(target, size, temperature=temperature, **how)
    found = observed(kernel, torch.Generator(device).manual_seed(seed), 80, 2 if kind is HMC else 8)
    assert_means(found, target.moments(), false_alarm=2e-6)
