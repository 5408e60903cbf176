import pytest
import torch

from genlatent.energy.neural import NeuralEnergy
from genlatent.errors import DataError
from genlatent.evaluation.chains import run_chains, watch_chains
from genlatent.evaluation.observables import Observables, principal_directions, summarised
from tests.machines import deep, potts, rbm, visible


def layers(device, machine, rows=7):
    return machine.gibbs().init(rows, torch.Generator(device).manual_seed(0)).layers


def test_energies_and_layer_means_are_those_of_the_state(device):
    machine = rbm().to(device)
    s = layers(device, machine)
    found = Observables(machine, torch.eye(6, device=device)[:, :2])(s)
    assert torch.allclose(found["energy"].float(), machine.energy(s), atol=1e-5)
    assert torch.allclose(found["free_energy"].float(), machine.free_energy(s["visible"]), atol=1e-5)
    assert torch.equal(found["magnetisation_hidden"], s["hidden"].mean(1))
    assert torch.equal(found["projections"].float(), s["visible"][:, :2])


def test_what_has_a_closed_sum_is_summed_out(device):
    machine = deep().to(device)
    s = layers(device, machine)
    kept = {name: s[name] for name in ("visible", "top")}
    assert torch.allclose(Observables(machine)(s)["free_energy"], machine.reduced_energy(kept)[0].double(), atol=1e-5)
    assert set(Observables(visible().to(device))(layers(device, visible().to(device)))) == {
        "free_energy",
        "magnetisation_visible",
    }


def test_a_state_has_the_same_energy_wherever_it_stands(device):
    """Ranks of discrete chains are mostly ties, which rounding must not break chain by chain."""
    machine = rbm(12, 60).to(device)
    s = {name: value[:4].repeat(101, 1)[:403] for name, value in layers(device, machine, 500).items()}
    found = Observables(machine, torch.randn(12, 2, device=device))(s)
    for name in ("energy", "free_energy"):
        assert len(found[name].unique()) == 4
    assert len(found["projections"].unique(dim=0)) <= 4


def test_units_in_groups_have_a_share_of_each_state(device):
    machine = potts().to(device)
    s = layers(device, machine)
    found = Observables(machine)(s)["magnetisation_sites"]
    assert found.shape == (7, 3)
    assert torch.allclose(found.sum(1), torch.ones(7, device=device))


def test_kept_chains_give_what_watched_ones_do(device):
    machine, directions = rbm().to(device), torch.eye(6, device=device)[:, :2]
    how = {"chains": 3, "burn_in": 5}
    kept = machine.trace(60, generator=torch.Generator(device).manual_seed(0), **how)
    watched = machine.trace(
        60, generator=torch.Generator(device).manual_seed(0), observe=Observables(machine, directions), **how
    )
    found = summarised(machine, kept, directions)
    assert set(found.values) == set(watched.values)
    for name, value in watched.values.items():
        assert torch.allclose(found[name], value, atol=1e-6)
    assert summarised(machine, kept)["projections"].shape == (3, 60, 3)


def test_a_neural_energy_is_watched_like_a_machine(device):
    model = NeuralEnergy((1, 2, 2), support="unit").to(device)
    data = torch.rand(50, 1, 2, 2, device=device)
    how = {"chains": 3, "draws": 20, "burn_in": 10, "thin": 1}
    for rows in (data, None):
        draws = run_chains(model, data=rows, **how)
        assert set(draws.values) == {"free_energy", "magnetisation_x", "projections"}
        assert draws["projections"].shape == (3, 20, 3)
    streaming = watch_chains(model, data, **how | {"ess": None, "rhat": None, "temperature": 2.0, "method": "hmc"})
    assert streaming.draws == 20


def test_principal_directions_are_those_of_the_covariance(device):
    rows = torch.randn(500, 4, device=device) @ torch.tensor(
        [[3.0, 0, 0, 0], [1, 2, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0.0]], device=device
    )
    found = principal_directions(rows, 2)
    vectors = torch.linalg.eigh(rows.T.cov()).eigenvectors.flip(1)[:, :2]
    assert torch.allclose((found * vectors).sum(0).abs(), torch.ones(2, device=device), atol=1e-4)
    rows[0, 0] = torch.nan
    assert principal_directions(rows, 2).isfinite().all()
    with pytest.raises(DataError, match="at least 2 rows"):
        principal_directions(rows[:1])
