import arviz as az
import numpy as np
import pytest
import torch

from genlatent.errors import DataError
from genlatent.sampling.draws import Draws, diagnose
from tests.machines import rbm


@pytest.fixture
def draws():
    return rbm().trace(200, chains=3, burn_in=10, thin=2, generator=torch.Generator().manual_seed(0))


def test_inference_data_holds_every_value(draws):
    data = draws.to_arviz()
    assert data.posterior.sizes["chain"] == 3
    assert data.posterior.sizes["draw"] == 200
    for name, value in draws.values.items():
        assert np.array_equal(data.posterior[name], value.cpu())
    assert (data.attrs["burn_in"], data.attrs["thin"]) == (10, 2)


def test_inference_data_can_be_written_and_read(draws, tmp_path):
    draws.to_arviz().to_netcdf(str(tmp_path / "chains.nc"))
    read = az.from_netcdf(str(tmp_path / "chains.nc"))
    assert np.array_equal(read.posterior["energy"], draws["energy"])


def test_figures_are_arviz_s(draws):
    energy = draws["energy"].double().numpy()
    found = draws.diagnose(["energy"])["energy"]
    assert found == (az.rhat(energy), az.ess(energy, method="bulk"), az.ess(energy, method="tail"), 0, 1)


def test_the_worst_unit_of_a_layer_counts(draws):
    found = draws.diagnose()["hidden"]
    each = [diagnose(draws["hidden"][..., i]) for i in range(5)]
    assert found.rhat == max(d.rhat for d in each if d.rhat is not None)
    assert found.ess_bulk == min(d.ess_bulk for d in each if d.ess_bulk is not None)


def test_constant_elements_are_counted_not_nan():
    value = torch.randn(4, 100, 3)
    value[..., 1] = 2.0
    found = diagnose(value)
    assert (found.constant, found.size) == (1, 3)
    assert all(np.isfinite(figure) for figure in found)
    assert diagnose(torch.ones(4, 100)) == (None, None, None, 1, 1)


def test_chains_each_stuck_somewhere_else_never_agree():
    value = torch.arange(4.0).unsqueeze(1).expand(4, 100)
    assert diagnose(value) == (float("inf"), 4, 4, 0, 1)


def test_chains_far_apart_are_flagged():
    assert diagnose(torch.randn(4, 200) + torch.arange(4).unsqueeze(1)).rhat > 1.1
    assert diagnose(torch.randn(4, 500)).rhat < 1.02


def test_rare_events_have_finite_figures():
    value = (torch.rand(4, 500) < 0.01).float()
    assert all(np.isfinite(figure) for figure in diagnose(value))


def test_one_chain_is_compared_with_itself_half_way():
    drift = torch.linspace(0, 3, 400) + torch.randn(400)
    assert diagnose(drift.unsqueeze(0)).rhat > 1.1
    assert diagnose(torch.randn(1, 1000)).rhat < 1.02


def test_too_few_draws_are_refused():
    with pytest.raises(DataError, match="v: diagnostics need at least 4 draws per chain, got 2"):
        Draws({"v": torch.zeros(4, 2)}).diagnose()
