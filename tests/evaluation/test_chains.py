import pytest
import torch

from genlatent import RBM
from genlatent.errors import DataError
from genlatent.evaluation.chains import by_variable, diagnosis, run_chains, watch_chains
from genlatent.evaluation.observables import Observables
from genlatent.sampling.draws import Draws
from genlatent.sampling.driver import trace
from tests.machines import rbm
from tests.modes import CHAINS, in_both_modes, two_modes


def verdicts(values):
    return {record.metric: record.verdict for record in diagnosis(Draws({"free_energy": values}))}


def test_independent_chains_are_believed(device):
    assert verdicts(torch.randn(4, 1000, device=device)) == {"R-hat": "ok", "effective draws": "ok"}


def test_chains_in_different_places_are_not(device):
    assert (
        verdicts(torch.randn(4, 1000, device=device) + 5 * torch.arange(4.0, device=device)[:, None])["R-hat"]
        == "failed"
    )


def test_chains_that_creep_have_few_effective_draws(device):
    assert verdicts(torch.randn(4, 200, device=device).cumsum(1))["effective draws"] == "doubtful"


def test_chains_that_never_move_fail(device):
    assert verdicts(torch.ones(4, 100, device=device)) == {"R-hat": "failed"}


def test_chains_of_a_machine_without_couplings_agree(device):
    rbm = RBM(visible=6, hidden=3).to(device)
    rbm.visible_hidden_weight.data.zero_()
    draws = run_chains(rbm, draws=500, burn_in=5, thin=2)
    assert draws["free_energy"].shape == (8, 500)
    assert (draws.burn_in, draws.thin) == (5, 2)


def test_draws_of_free_energy_vary_with_the_state(device):
    rbm = RBM(visible=6, hidden=3).to(device)
    rbm.visible_bias.data.copy_(torch.linspace(-1, 2, 6))
    records = diagnosis(run_chains(rbm, draws=500, burn_in=5, thin=2))
    assert [record.verdict for record in records] == ["ok", "ok"]


def test_the_worst_variable_counts_and_constant_ones_do_not(device):
    good, bad = (
        torch.randn(4, 500, device=device),
        torch.randn(4, 500, device=device) + 5 * torch.arange(4.0, device=device)[:, None],
    )
    draws = Draws(
        {"energy": good, "magnetisation_hidden": bad, "magnetisation_visible": torch.ones(4, 500, device=device)}
    )
    r, e = diagnosis(draws)
    assert r.verdict == "failed"
    assert r.method.endswith("of the magnetisation hidden")
    assert diagnosis(draws, "energy")[0].verdict == "ok"
    rows = by_variable(draws.diagnose())
    assert [row[0] for row in rows[1:]] == ["energy", "magnetisation hidden", "magnetisation visible"]
    assert rows[3][1:] == ("-", "-", "-", "-", "1 of 1")
    assert e.value < 30


def test_what_is_watched(device):
    machine = rbm().to(device)
    data = (torch.rand(30, 6, device=device) < 0.5).float()
    how = {"draws": 20, "burn_in": 5, "thin": 1, "chains": 3}
    for rows in (None, data):
        draws = run_chains(machine, data=rows, **how)
        layers = {"magnetisation_visible", "magnetisation_hidden"}
        assert set(draws.values) == {"energy", "free_energy", "projections"} | layers
        assert draws["projections"].shape == (3, 20, 3)


def test_given_units_and_temperature_reach_the_chains(device):
    machine, given = rbm().to(device), {"x": torch.tensor([1.0, 1, 1, 0, torch.nan, torch.nan], device=device)}
    how = {"draws": 300, "burn_in": 10, "thin": 1, "generator": torch.Generator(device).manual_seed(0)}
    held = run_chains(machine, given=given, **how)["magnetisation_visible"]
    assert (held.min(), held.max()) == (0.5, 5 / 6)
    cold, hot = (run_chains(machine, temperature=t, **how)["energy"].mean() for t in (1.0, 5.0))
    assert hot > cold + 1
    with pytest.raises(DataError, match="different temperatures are not comparable"):
        run_chains(machine, temperature=torch.ones(8, device=device))


@pytest.mark.slow
def test_two_deep_modes_are_flagged_under_gibbs_and_pass_under_tempering(device):
    """Chains start in both modes; the verdict must come from what is watched of any machine."""
    machine, verdicts = two_modes().to(device), {}
    both = torch.stack((torch.zeros(12, device=device), torch.ones(12, device=device)))
    directions = torch.nn.functional.normalize(both[1] - both[0], dim=0).unsqueeze(1)
    for method in ("gibbs", "tempering"):
        kernel, generator = machine.kernel(method), torch.Generator(device).manual_seed(0)
        start = in_both_modes(machine)
        state = kernel.start(start) if method == "tempering" else kernel.init(CHAINS)._replace(layers=start)
        how = {"burn_in": 200, "thin": 2, "observe": Observables(machine, directions), "generator": generator}
        draws = trace(kernel, state, 1000, **how)[1]
        verdicts[method] = {record.metric: record for record in diagnosis(draws)}
    stuck, mixed = verdicts["gibbs"], verdicts["tempering"]
    assert (stuck["R-hat"].verdict, stuck["effective draws"].verdict) == ("failed", "doubtful")
    assert stuck["R-hat"].value > 2
    assert "magnetisation" in stuck["R-hat"].method  # in energy the modes are nearly alike
    assert (mixed["R-hat"].verdict, mixed["effective draws"].verdict) == ("ok", "ok")
    assert mixed["effective draws"].value > 100 * stuck["effective draws"].value


def test_long_chains_end_when_they_are_good_enough(device):
    machine = rbm().to(device)
    data = (torch.rand(30, 6, device=device) < 0.5).float()
    how = {"burn_in": 20, "thin": 1, "ess": 300, "rhat": 1.05, "generator": torch.Generator(device).manual_seed(0)}
    streaming = watch_chains(machine, data, **how)
    assert streaming.draws < 3000
    found = streaming.diagnose()
    assert min(one.ess for one in found.values()) >= 300
    assert [row[0] for row in by_variable(found)[1:]][:2] == ["energy", "free energy"]
