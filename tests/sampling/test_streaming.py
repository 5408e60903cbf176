import arviz as az
import numpy as np
import pytest
import torch

from genlatent.errors import DataError, RecipeError
from genlatent.sampling.draws import diagnose
from genlatent.sampling.driver import trace, watch
from genlatent.sampling.streaming import Stream, Streaming
from tests.autoregressions import ar1, telegraph
from tests.machines import rbm
from tests.modes import CHAINS, in_both_modes, share_on, two_modes


def streamed(values, device="cpu", **how):
    stream = Stream(**how)
    for draw in values.to(device).unbind(1):
        stream.add(draw)
    return stream


@pytest.mark.parametrize("draws", [4, 37, 127])
def test_short_chains_have_arviz_s_figures_exactly(draws, device):
    x = ar1(0.5, draws=draws)
    found = streamed(x, device).diagnose()
    folded = ((x - _split(x).mean()) ** 2).numpy()
    assert found.rhat == pytest.approx(max(az.rhat(v, method="split") for v in (x.numpy(), folded)), rel=1e-9)
    assert found.ess == pytest.approx(float(az.ess(x.numpy(), method="mean")), rel=1e-9)


def _split(x):
    half = x.shape[1] // 2
    return torch.stack((x[:, :half], x[:, -half:]))


def test_split_r_hat_of_long_chains_is_arviz_s_exactly(device):
    x = ar1(0.9, draws=8192)
    folded = ((x - x.mean()) ** 2).numpy()
    found = streamed(x, device)
    assert found.length == 128
    expected = max(float(az.rhat(v, method="split")) for v in (x.numpy(), folded))
    assert found.diagnose().rhat == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("phi", [0.0, 0.9, 0.97])
def test_effective_draws_of_long_chains_are_known(phi, device):
    """Within four standard errors of a single run, 30 %; their mean over runs within 10 %, as ArviZ's is."""
    draws, ratios, theirs = 20_000, [], []
    for seed in range(4):
        x = ar1(phi, draws=draws, seed=seed)
        truth = 4 * draws * (1 - phi) / (1 + phi)
        ratios.append(streamed(x, device).diagnose().ess / truth)
        theirs.append(float(az.ess(x.numpy(), method="mean")) / truth)
    assert np.abs(np.log(ratios)).max() < 0.3
    assert np.mean(ratios) == pytest.approx(1, abs=0.1)
    assert np.mean(theirs) == pytest.approx(1, abs=0.1)


def test_chains_slower_than_a_batch_are_noticed(device):
    """An autocorrelation time of 400 draws, ten batches of 40: batches as such would claim independence."""
    x = ar1(0.995, draws=5000)
    ours, theirs = streamed(x, device).diagnose().ess, float(az.ess(x.numpy(), method="mean"))
    assert ours == pytest.approx(theirs, rel=0.25)
    assert ours < 120


def test_discrete_chains_have_their_autocorrelation_time(device):
    found = streamed(telegraph(0.9, draws=8000), device).diagnose()
    assert found.autocorrelation_time == pytest.approx(9, rel=0.25)
    assert found.rhat < 1.02


def test_moments_are_those_of_all_draws(device):
    x = ar1(0.5, draws=1001).reshape(4, 1001, 1).expand(4, 1001, 3).to(device)
    streaming = Streaming(batches=8)
    for draw in x.unbind(1):
        streaming.add({"x": draw})
    assert streaming.draws == 1001
    assert torch.allclose(streaming.mean("x"), x.mean(1))
    assert torch.allclose(streaming.variance("x"), x.var(1))


def test_memory_does_not_grow(device):
    stream = streamed(ar1(0.5, draws=5000), device, batches=16)
    assert len(stream._full) < 16
    assert stream.length == 512


def test_chains_of_different_width_or_place_are_flagged(device):
    same = ar1(0.3, draws=4000).to(device)
    scale = torch.tensor([1.0, 1, 1, 3], device=device).unsqueeze(1)
    place = torch.tensor([0.0, 0, 0, 2], device=device).unsqueeze(1)
    assert streamed(same).diagnose().rhat < 1.01
    assert streamed(same * scale).diagnose().rhat > 1.1
    assert streamed(same + place).diagnose().rhat > 1.1
    assert streamed(same * scale).diagnose().rhat == pytest.approx(diagnose(same * scale).rhat, abs=0.15)


def test_what_never_changes_is_counted_and_what_is_stuck_never_agrees(device):
    x = torch.stack(
        (ar1(0.3, draws=500).to(device), torch.full((4, 500), 0.1, device=device), torch.ones(4, 500, device=device)), 2
    )
    found = streamed(x, device).diagnose()
    assert (found.constant, found.size) == (2, 3)
    assert found.rhat < 1.02
    assert streamed(x[..., 1:]).diagnose() == (None, None, None, 2, 2)
    stuck = streamed(torch.arange(4.0, device=device).unsqueeze(1).expand(4, 300)).diagnose()
    assert (stuck.rhat, stuck.ess) == (float("inf"), 4)


def test_a_fair_coin_is_no_disagreement(device):
    """Its distance from the mean is nearly always the same, which is no reason to divide by it."""
    coin = torch.tensor([0.0, 1.0], device=device).repeat(4, 500)
    assert streamed(coin).diagnose().rhat <= 1.001


def test_watched_chains_are_the_traced_ones(device):
    machine = rbm().to(device)
    kernel, found = machine.gibbs(), {}
    for drive in (trace, watch):
        generator = torch.Generator(device).manual_seed(0)
        how = {"burn_in": 10, "thin": 2, "generator": generator}
        found[drive] = drive(kernel, kernel.init(4, generator), 120, **how)[1]
    draws, running = found[trace], found[watch]
    hidden = draws["hidden"].double()
    assert torch.allclose(running.mean("hidden"), hidden.mean(1))
    assert running.diagnose()["hidden"].ess == pytest.approx(
        min(float(az.ess(hidden[..., i].numpy(force=True), method="mean")) for i in range(5)), rel=1e-9
    )


def test_watching_stops_when_the_wishes_are_met(device):
    machine, seen = rbm().to(device), []
    kernel = machine.gibbs()
    how = {"burn_in": 20, "rhat": 1.05, "ess": 200, "progress": lambda done, total: seen.append((done, total))}
    streaming = watch(kernel, kernel.init(8), 100_000, generator=torch.Generator(device).manual_seed(0), **how)[1]
    assert 100 <= streaming.draws <= 2000
    assert streaming.reached(1.05, 200)
    assert seen[-1] == (20 + streaming.draws, 100_020)


def test_watching_between_two_modes_never_stops(device):
    machine = two_modes().to(device)
    kernel = machine.gibbs()
    start = kernel.init(CHAINS)._replace(layers=in_both_modes(machine))
    how = {"observe": share_on, "rhat": 1.05, "generator": torch.Generator(device).manual_seed(0)}
    streaming = watch(kernel, start, 400, **how)[1]
    found = streaming.diagnose()["on"]
    assert streaming.draws == 400
    assert found.rhat > 2
    assert found.ess < 2 * CHAINS


def test_bad_numbers_are_refused(device):
    with pytest.raises(DataError, match="x: diagnostics need at least 4 draws per chain, got 2"):
        streamed(torch.zeros(4, 2, device=device)).diagnose("x")
    with pytest.raises(DataError, match="x: the chains hold values that are not finite"):
        streamed(torch.full((4, 9), torch.nan, device=device)).diagnose("x")
    with pytest.raises(RecipeError, match="batches must be a multiple of 4"):
        Stream(batches=10)
    with pytest.raises(DataError, match="nothing has been drawn"):
        Stream().moments()
