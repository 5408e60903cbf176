import pytest
import torch

from genlatent.energy.rbm import RBM
from genlatent.energy.units import Gaussian
from genlatent.errors import Unsupported
from genlatent.numerics import integers
from genlatent.sampling.driver import run
from genlatent.sampling.gibbs import GibbsRunner
from genlatent.sampling.integer_gibbs import IntegerGibbs, IntegerRunner
from tests.machines import MACHINES, Exact, rbm, skewed
from tests.sampling.test_gibbs import assert_exact, long_run

SHAPES = ("rbm", "spins", "deep", "ring")
ANY = torch.device("cpu")


@pytest.fixture(autouse=True)
def in_bytes(monkeypatch):
    """Products of bytes even where they do not pay, and no gradients."""
    monkeypatch.setattr(integers, "worthwhile", lambda: True)
    with torch.no_grad():
        yield


@pytest.mark.parametrize("name", SHAPES)
def test_marginals_of_every_shape(name):
    machine = MACHINES[name]()
    assert_exact(long_run(IntegerGibbs(machine), ANY, thin=6), Exact(machine), machine)


def test_marginals_of_groups_of_units_at_a_temperature():
    machine = skewed(RBM((3, 3), 2, visible_units=MACHINES["potts"]().units["sites"]), 0.7)
    assert_exact(long_run(IntegerGibbs(machine, temperature=2.0), ANY, thin=4), Exact(machine, 0.5), machine)


def test_mixing_with_the_base_rates_and_clamping():
    machine, nan = rbm(), float("nan")
    given = {"visible": torch.tensor([1, 0, nan, nan, 1, nan])}
    assert_exact(long_run(IntegerGibbs(machine, temperature=2.0), ANY, lam=0.4), Exact(machine, 0.5, 0.4), machine)
    assert_exact(long_run(IntegerGibbs(machine, given), ANY), Exact(machine, given=given), machine)


@pytest.mark.parametrize("name", SHAPES)
def test_the_bias_of_rounded_couplings_is_what_the_text_says(name):
    """In float64, by listing: no probability changes by more than the largest change of energies allows."""
    machine, coarse = MACHINES[name]().double(), MACHINES[name]().double()
    step, pairs = 0.0, 0
    for a, b in machine.couplings:
        w = getattr(coarse, f"{a}_{b}_weight")
        step = max(step, float(w.abs().max()) / integers.LARGEST)
        pairs += w.numel()
        w.copy_(integers.rounded(w))
    change = (Exact(coarse).probability / Exact(machine).probability).log().abs().max()
    assert 0 < change <= 2 * pairs * step / 2
    for layer in machine.layers:
        assert (Exact(coarse).mean(layer) - Exact(machine).mean(layer)).abs().max() < 2e-4


def test_states_of_a_run_are_ordinary_layers():
    machine = rbm(visible_units=MACHINES["spins"]().units["visible"])
    kernel, generator = IntegerGibbs(machine), torch.Generator().manual_seed(0)
    state = run(kernel, kernel.init(5, generator), 3, generator=generator)
    assert {s.dtype for s in state.layers.values()} == {torch.float32}
    assert set(state.layers["visible"].unique().tolist()) <= {-1.0, 1.0}
    assert set(state.layers["hidden"].unique().tolist()) <= {0.0, 1.0}


def test_ordinary_steps_where_bytes_do_not_pay(monkeypatch):
    monkeypatch.setattr(integers, "worthwhile", lambda: False)
    kernel = IntegerGibbs(rbm())
    with pytest.warns(UserWarning, match="no fast products of bytes"):
        assert isinstance(kernel.runner(kernel.init(2)), GibbsRunner)


def test_by_name():
    kernel = rbm().kernel("integer-gibbs")
    assert isinstance(kernel.runner(kernel.init(2)), IntegerRunner)


@pytest.mark.parametrize(
    ("machine", "reason"),
    [
        (lambda: RBM(2, 2, visible_units=Gaussian()), "units of -1, 0 and 1, which visible has not"),
        (MACHINES["visible"], "coupled within"),
    ],
)
def test_machines_that_are_no_whole_numbers_are_refused(machine, reason):
    with pytest.raises(Unsupported, match=reason):
        IntegerGibbs(machine())
