import pytest
import torch
from scipy.stats import gamma, kstest, norm

from genlatent.errors import DataError, Diverged, RecipeError
from genlatent.sampling.driver import run, trace, warm_up
from genlatent.sampling.hmc import HMC
from genlatent.sampling.mala import MALA
from tests.densities import WIDTH, ridge, skewed_energy, skewed_samples
from tests.statistics import assert_means

MEAN = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
COVARIANCE = torch.tensor([[1.0, 0.9, 0.2], [0.9, 2.0, -0.3], [0.2, -0.3, 0.5]], dtype=torch.float64)
PRECISION = COVARIANCE.inverse()


def correlated(x):
    off = x - MEAN.to(x)
    return ((off @ PRECISION.to(x)) * off).sum(1) / 2


KERNELS = {"HMC": lambda *args, **how: HMC(*args, leaps=6, **how), "MALA": MALA}
both = pytest.mark.parametrize("kind", [pytest.param(kind, id=name) for name, kind in KERNELS.items()])


@both
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_moments_of_a_correlated_gaussian(kind, temperature, device):
    kernel, generator = kind(correlated, 3, temperature=temperature), torch.Generator(device).manual_seed(0)
    state = kernel.init(300, generator)
    draws = trace(kernel, state, 60, burn_in=100, thin=3, generator=generator)[1]["x"].cpu().double()
    assert_means(draws, MEAN)
    off = draws - MEAN
    assert_means(off.unsqueeze(-1) * off.unsqueeze(-2), temperature * COVARIANCE)


@both
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_exact_samples_stay_exact(kind, temperature, device):
    kernel = kind(skewed_energy, 2, size=0.6, temperature=temperature)
    state = kernel.at(skewed_samples(20_000, temperature, device))
    _, info = kernel.step(state, torch.Generator(device).manual_seed(0))
    assert 0.3 < info["acceptance"].mean() < 0.95
    x = run(kernel, state, 8, generator=torch.Generator(device).manual_seed(0)).layers["x"].cpu()
    assert kstest((-x[:, 0]).exp(), gamma(1 / temperature, scale=temperature).cdf).pvalue > 1e-4
    across = (x[:, 1] - ridge(x[:, 0])) / (WIDTH * temperature**0.5)
    assert kstest(across, norm.cdf).pvalue > 1e-4


@both
def test_the_step_size_meets_the_wanted_acceptance(kind, device):
    kernel, generator = kind(correlated, 3, size=5.0), torch.Generator(device).manual_seed(0)
    tuned = warm_up(kernel, kernel.init(100, generator), 300, generator=generator)
    rates = []
    for _ in range(50):
        tuned, info = kernel.step(tuned, generator)
        rates.append(info["acceptance"].mean())
    assert abs(torch.stack(rates).mean() - kernel.acceptance) < 0.08
    assert torch.equal(run(kernel, tuned, 5).step, tuned.step)


def test_each_chain_has_its_own_temperature(device):
    temperature = torch.tensor([0.5, 3.0], device=device).repeat(150)
    kernel, generator = HMC(correlated, 3, temperature=temperature), torch.Generator(device).manual_seed(0)
    state = kernel.init(300, generator)
    draws = trace(kernel, state, 60, burn_in=100, thin=2, generator=generator)[1]["x"].double()
    for first in range(2):
        off = draws[first::2] - MEAN.to(device)
        assert_means(off**2, temperature[first] * COVARIANCE.to(device).diagonal())


@both
def test_clamped_conditionals(kind, device):
    given = torch.tensor([float("nan"), 0.3, float("nan")], device=device)
    kernel, generator = kind(correlated, 3, given=given), torch.Generator(device).manual_seed(0)
    state = kernel.init(200, generator)
    draws = trace(kernel, state, 60, burn_in=100, thin=2, generator=generator)[1]["x"].double()
    assert (draws[..., 1] == given[1].double()).all()
    free = [0, 2]
    gain = COVARIANCE.to(device)[free, 1] / COVARIANCE.to(device)[1, 1]
    expected = MEAN.to(device)[free] + gain * (0.3 - MEAN.to(device)[1])
    assert_means(draws[..., free], expected)
    variance = COVARIANCE.to(device)[free, free] - gain * COVARIANCE.to(device)[1, free]
    assert_means((draws[..., free] - expected) ** 2, variance)


def test_leapfrog_steps_run_backwards_and_keep_the_energy(device):
    kernel = HMC(skewed_energy, 2, leaps=20)
    state = kernel.at(skewed_samples(50, device=device))
    push, step = torch.randn(50, 2, device=device).double(), torch.full((50,), 0.01, device=device).double()
    x, momentum, energy, slope = kernel._leapfrog(state, push, step)
    back = kernel._leapfrog(state._replace(layers={"x": x}, energy=energy, slope=slope), -momentum, step)
    assert torch.allclose(back[0], state.layers["x"], atol=1e-9)
    assert torch.allclose(-back[1], push, atol=1e-9)
    before = state.energy + push.square().sum(1) / 2
    assert torch.allclose(energy + momentum.square().sum(1) / 2, before, atol=1e-2)


def test_proposals_off_the_edge_are_refused(device):
    kernel = HMC(lambda x: -x.prod(1).log(), 2, size=3.0, leaps=2)
    state = run(kernel, kernel.at(torch.rand(50, 2, device=device) + 0.1), 5)
    assert state.energy.isfinite().all()


def test_bad_input_is_named(device):
    with pytest.raises(DataError, match="everything is given"):
        HMC(correlated, 3, given=torch.zeros(3, device=device))
    with pytest.raises(DataError, match=r"given has shape \(2,\), events have \(3,\)"):
        HMC(correlated, 3, given=torch.full((2,), float("nan"), device=device))
    with pytest.raises(RecipeError, match="temperature must be above 0"):
        HMC(correlated, 3, temperature=0.0)
    with pytest.raises(RecipeError, match="leaps must be at least 1 and size above 0"):
        HMC(correlated, 3, leaps=0)
    with pytest.raises(RecipeError, match="3 chains need 3 temperatures or one"):
        HMC(correlated, 3, temperature=torch.ones(2, device=device)).init(3)
    with pytest.raises(DataError, match="an energy gives one number for each of 4 chains"):
        HMC(lambda x: x.sum(), 3).init(4)
    with pytest.raises(Diverged, match="x is not finite any more"):
        run(HMC(correlated, 3), HMC(correlated, 3).at(torch.full((2, 3), float("nan"), device=device)), 1)
