import torch

from genlatent import RBM
from genlatent.evaluation.chains import diagnosis, run_chains
from genlatent.sampling.draws import Draws


def verdicts(values):
    return {record.metric: record.verdict for record in diagnosis(Draws({"free_energy": values}))}


def test_independent_chains_are_believed():
    assert verdicts(torch.randn(4, 1000)) == {"R-hat": "ok", "effective draws": "ok"}


def test_chains_in_different_places_are_not():
    assert verdicts(torch.randn(4, 1000) + 5 * torch.arange(4.0)[:, None])["R-hat"] == "failed"


def test_chains_that_creep_have_few_effective_draws():
    assert verdicts(torch.randn(4, 200).cumsum(1))["effective draws"] == "doubtful"


def test_chains_that_never_move_fail():
    assert verdicts(torch.ones(4, 100)) == {"R-hat": "failed"}


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
