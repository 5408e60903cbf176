"""The ladder of a training's own past: its ln Z, its swaps, and how it grows."""

import pytest
import torch

from genlatent.data.dataset import Dataset
from genlatent.energy.rbm import RBM
from genlatent.errors import RecipeError
from genlatent.objectives import snapshots
from genlatent.objectives.displaced import Displaced, current, theta_of
from genlatent.objectives.snapshots import Trajectory
from genlatent.objectives.trajectory import TrajectoryTempering
from genlatent.training.fit import fit
from genlatent.training.optimizer import Optimizer
from tests.machines import Exact, rbm, skewed, within


def trajectory(device, slots, filled, acceptance=1.0):
    levels = torch.arange(slots + 1, device=device).double()
    seen = torch.full((slots,), 30.0, device=device).double()
    return Trajectory(
        torch.tensor(filled, device=device),
        levels,
        seen,
        torch.tensor(acceptance, device=device).double(),
        torch.tensor(0, device=device),
    )


def two_modes(device, rows=2000):
    """Eight bits that are mostly on together, or mostly off."""
    on = (torch.rand(rows, 1, device=device) < 0.7).float()
    return (on - (torch.rand(rows, 8, device=device) < 0.05).float()).abs()


def test_ln_z_along_the_way_is_the_enumerated_one(device):
    x = two_modes(device)
    data = Dataset(x, x[:1], x[:1], torch.Size([8]), "binary", "rows")
    model = RBM(8, 5).to(device)
    rule = TrajectoryTempering(chains=200, snapshots=6, target=0.8)
    slower = Optimizer("sgd", learning_rate=0.2, schedule="linear")
    how = {"steps": 300, "batch_size": 2000, "mode": "traced", "validate_every": 300, "optimizer": slower}
    row = fit(model, data, objective=rule, **how).rows[-1]
    exact = float(model.log_partition_exact().detach())
    before = float(snapshots.start(model, 6).levels[0])
    assert row["snapshots"] > 2
    assert abs(exact - before) > 2
    assert abs(row["log_partition"] - exact) < 0.05
    likelihood = float(model.log_prob(x.to(device)).detach().mean())
    assert abs(row["log_likelihood"] - likelihood) < 0.05


@pytest.mark.parametrize("make", [rbm, within])
def test_a_displaced_machine_is_the_machine_with_those_parameters(make, device):
    model, other = make().to(device), skewed(make(), 0.4, seed=9).to(device)
    moved = Displaced(model, theta_of(model, current(other)))
    layers = {n: s.to(device, torch.float32) for n, s in Exact(other).states.items()}
    kept = {n: s for n, s in layers.items() if n not in model.summed}
    torch.testing.assert_close(moved.reduced_energy(kept)[0], other.reduced_energy(kept)[0])
    start = other.gibbs().init(50, gen(device))
    ends = [m.gibbs().step(start, gen(device))[0].layers for m in (moved, other)]
    assert all(torch.equal(ends[0][n], ends[1][n]) for n in ends[0])


def gen(device):
    return torch.Generator(device).manual_seed(0)


def test_energies_are_those_of_the_neighbours(device):
    rungs = [skewed(RBM(4, 3), scale, seed=3).to(device) for scale in (0.2, 0.7, 1.1)]
    replicas = {"visible": (torch.rand(5, 3, 4, device=device) < 0.5).float()}
    own, up, down = snapshots.energies(rungs, replicas)
    for r, rung in enumerate(rungs):
        torch.testing.assert_close(own[:, r], rung.free_energy(replicas["visible"][:, r]))
    for r in (0, 1):
        torch.testing.assert_close(up[:, r], rungs[r + 1].free_energy(replicas["visible"][:, r]))
        torch.testing.assert_close(down[:, r + 1], rungs[r].free_energy(replicas["visible"][:, r + 1]))
    assert torch.equal(up[:, 2], own[:, 2])
    assert torch.equal(down[:, 0], own[:, 0])


def test_exact_draws_give_the_exact_difference_of_ln_z(device):
    rungs = [skewed(RBM(5, 3), scale, seed=3).to(device) for scale in (0.3, 0.8)]
    draws = []
    for rung in rungs:
        states, log_p = Exact(rung).marginal("visible")
        draws.append(states[torch.multinomial(log_p.exp(), 20_000, replacement=True)].float())
    with torch.no_grad():
        energies = snapshots.energies(rungs, {"visible": torch.stack(draws, 1)})
    found = trajectory(device, 1, 1)._replace(
        levels=torch.zeros(2, device=device).double(), seen=torch.zeros(1, device=device).double()
    )
    for _ in range(20):
        found = snapshots.measured(found, *energies, torch.ones((), device=device))._replace(
            seen=torch.zeros(1, device=device).double()
        )
    low, high = (rung.log_partition_exact().detach() for rung in rungs)
    assert abs(float(found.levels[1] - (high - low))) < 0.03


@pytest.mark.parametrize(
    ("filled", "acceptance", "index", "number"),
    [
        (2, 0.9, [0, 1, 2, 3, 4], 2),
        (2, 0.1, [0, 1, 5, 5, 5], 3),
        (4, 0.1, [0, 1, 2, 3, 5], 5),
        (5, 0.1, [0, 2, 4, 5, 5], 4),
    ],
)
def test_a_snapshot_is_added_where_acceptance_falls_short(filled, acceptance, index, number, device):
    found, after = snapshots.extended(trajectory(device, 5, filled, acceptance), 0.5)
    assert found.tolist() == index
    assert int(after.filled) == number
    assert after.levels.tolist() == [float(i) for i in (*index, 5)]
    assert float(after.acceptance) == pytest.approx(0.9 if acceptance > 0.5 else 1.0)


@pytest.mark.parametrize("how", [{"snapshots": 2}, {"target": 1.0}, {"target": 0.0}, {"chains": 0}])
def test_bad_input(how):
    with pytest.raises(RecipeError):
        TrajectoryTempering(**how)
