import arviz as az
import numpy as np
import pytest
import torch

from genlatent.errors import DataError
from genlatent.sampling.draws import Draws, diagnose
from tests.autoregressions import ar1, telegraph
from tests.machines import rbm


@pytest.fixture
def draws(device):
    return rbm().to(device).trace(200, chains=3, burn_in=10, thin=2, generator=torch.Generator(device).manual_seed(0))


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
    assert np.array_equal(read.posterior["energy"], draws["energy"].cpu())


def test_figures_are_arviz_s(draws):
    energy = draws["energy"].double().numpy(force=True)
    found = draws.diagnose(["energy"])["energy"]
    tau = energy.size / az.ess(energy, method="mean")
    assert found == (az.rhat(energy), az.ess(energy, method="bulk"), az.ess(energy, method="tail"), 0, 1, tau)


def test_the_worst_unit_of_a_layer_counts(draws):
    found = draws.diagnose()["hidden"]
    each = [diagnose(draws["hidden"][..., i]) for i in range(5)]
    assert found.rhat == max(d.rhat for d in each if d.rhat is not None)
    assert found.ess_bulk == min(d.ess_bulk for d in each if d.ess_bulk is not None)


def test_constant_elements_are_counted_not_nan(device):
    value = torch.randn(4, 100, 3, device=device)
    value[..., 1] = 2.0
    found = diagnose(value)
    assert (found.constant, found.size) == (1, 3)
    assert all(np.isfinite(figure) for figure in found)
    assert diagnose(torch.ones(4, 100, device=device)) == (None, None, None, 1, 1, None)


def test_chains_each_stuck_somewhere_else_never_agree(device):
    value = torch.arange(4.0, device=device).unsqueeze(1).expand(4, 100)
    assert diagnose(value) == (float("inf"), 4, 4, 0, 1, 100)


def test_chains_far_apart_are_flagged(device):
    assert diagnose(torch.randn(4, 200, device=device) + torch.arange(4, device=device).unsqueeze(1)).rhat > 1.1
    assert diagnose(torch.randn(4, 500, device=device)).rhat < 1.02


def test_rare_events_have_finite_figures(device):
    value = (torch.rand(4, 500, device=device) < 0.01).float()
    assert all(np.isfinite(figure) for figure in diagnose(value))


def test_one_chain_is_compared_with_itself_half_way(device):
    drift = torch.linspace(0, 3, 400, device=device) + torch.randn(400, device=device)
    assert diagnose(drift.unsqueeze(0)).rhat > 1.1
    assert diagnose(torch.randn(1, 1000, device=device)).rhat < 1.02


def test_too_few_draws_are_refused(device):
    with pytest.raises(DataError, match="v: diagnostics need at least 4 draws per chain, got 2"):
        Draws({"v": torch.zeros(4, 2, device=device)}).diagnose()


@pytest.mark.parametrize("phi", [0.0, 0.6, 0.9])
def test_an_autoregression_has_the_figures_that_are_known_of_it(phi, device):
    """Of its median it tells a little more than of its mean: ranks forget faster, at most by a tenth here."""
    x = ar1(phi, draws=10_000).to(device)
    found, tau = diagnose(x), (1 + phi) / (1 - phi)
    assert found.autocorrelation_time == pytest.approx(tau, rel=0.15)
    assert found.ess_bulk == pytest.approx(x.numel() / tau, rel=0.15)
    assert found.rhat < 1.01
    assert (found.rhat, found.ess_bulk) == (az.rhat(x.numpy(force=True)), az.ess(x.numpy(force=True), method="bulk"))


def test_the_autocorrelation_time_of_a_chain_of_two_values(device):
    assert diagnose(telegraph(0.9, draws=8000).to(device)).autocorrelation_time == pytest.approx(9, rel=0.2)
    assert diagnose(telegraph(0.5, draws=8000).to(device)).autocorrelation_time == pytest.approx(1, rel=0.1)


def test_chains_at_one_temperature_can_be_picked(device):
    draws = Draws({"v": torch.arange(8.0, device=device).reshape(4, 2, 1)}, burn_in=3, thin=2)
    cold = draws.only(torch.tensor([True, False, True, False], device=device))
    assert cold["v"].flatten().tolist() == [0, 1, 4, 5]
    assert (cold.burn_in, cold.thin) == (3, 2)


def test_values_that_are_not_finite_are_refused(device):
    with pytest.raises(DataError, match="energy: the chains hold values that are not finite"):
        diagnose(torch.full((4, 10), torch.nan, device=device), "energy")


def test_more_chains_than_draws_are_no_mistake(device):
    values = torch.randn(64, 10, device=device)
    assert Draws({"v": values}).to_arviz().posterior.sizes["chain"] == 64
    assert diagnose(values).rhat < 1.2


def test_two_values_equally_often_have_an_r_hat(device):
    """Their distances from the median are all equal, so that only ranks tell chains apart."""
    x = torch.tensor([0.0, 1.0], device=device).repeat(4, 50)
    found = Draws({"x": x}).diagnose()["x"]
    assert found.rhat is not None
    assert 0 < found.rhat < 1.01
