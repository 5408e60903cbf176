import pytest
import torch

from genlatent.energy.rbm import RBM
from genlatent.energy.units import Gaussian, Spin
from genlatent.sampling.draws import Draws
from genlatent.sampling.stored import Stored
from tests.machines import skewed


def written(values):
    """All draws of `(chain, draw, ...)`, one after another."""
    stored = Stored(values.shape[1])
    for draw in range(values.shape[1]):
        stored.write(draw, {"x": values[:, draw]})
    return stored


def two_valued(low, shape=(3, 5, 2, 9)):
    return torch.where(torch.rand(shape, generator=torch.Generator().manual_seed(0)) < 0.5, 1.0, low)


@pytest.mark.parametrize("low", [0.0, -1.0])
def test_two_valued_units_take_a_bit_each(low):
    values = two_valued(low)
    stored = written(values)
    assert torch.equal(stored["x"], values)
    assert stored.nbytes == 3 * 5 * 3  # 18 units are 3 bytes


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_keep_their_type(dtype):
    assert written(two_valued(0.0).to(dtype))["x"].dtype == dtype


@pytest.mark.parametrize("other", [0.25, float("nan"), 2.0])
def test_a_value_that_is_no_bit_changes_none_before_it(other):
    values = two_valued(-1.0)
    values[1, 3, 0, 4] = other
    stored = written(values)
    assert torch.equal(stored["x"].nan_to_num(7), values.nan_to_num(7))
    assert stored.nbytes == values.nbytes


def test_a_run_of_ones_may_turn_out_to_be_spins_or_bits():
    for low in (0.0, -1.0):
        values = torch.ones(2, 4, 3)
        values[:, 2:] = two_valued(low, (2, 2, 3))
        assert torch.equal(written(values)["x"], values)


def test_values_that_mix_bits_and_spins_are_kept():
    values = torch.cat([two_valued(0.0, (2, 3, 9)), two_valued(-1.0, (2, 3, 9))], dim=1)
    assert torch.equal(written(values)["x"], values)


def test_single_numbers_and_other_devices_stay_as_they_are(device):
    values = torch.zeros(2, 3, device=device)
    assert torch.equal(written(values)["x"], values)
    units = two_valued(0.0, (2, 3, 16)).to(device)
    assert torch.equal(written(units)["x"], units)


def test_some_chains_are_taken_without_unpacking_the_others():
    values = two_valued(0.0)
    draws = Draws(written(values)).only(torch.tensor([2, 0]))
    assert torch.equal(draws["x"], values[[2, 0]])
    assert draws.values.nbytes == 2 * 5 * 3


def test_chains_of_a_machine_are_packed_and_inference_data_is_not():
    machine = skewed(RBM(16, 8, hidden_units=Spin()), 0.3)
    draws = machine.trace(30, chains=4, burn_in=5, generator=torch.Generator().manual_seed(0))
    dense = sum(draws[name].nbytes for name in ("x", "hidden"))
    assert draws.values.nbytes - draws["energy"].nbytes == dense / 32
    posterior = draws.to_arviz().posterior
    assert set(posterior["x"].values.flat) == {0.0, 1.0}
    assert set(posterior["hidden"].values.flat) == {-1.0, 1.0}
    assert posterior["x"].shape == (4, 30, 16)


def test_real_units_are_not_rounded():
    machine = skewed(RBM(4, 3, visible_units=Gaussian()), 0.3)
    draws = machine.trace(10, chains=2, burn_in=2, generator=torch.Generator().manual_seed(0))
    assert len(draws["x"].unique()) > 50
