"""Chains that are tempered along the training's own past: replicas at earlier parameters of the same run."""

from typing import Any

import torch
from torch import Tensor

from genlatent.errors import RecipeError
from genlatent.objectives import snapshots
from genlatent.objectives.base import Batch, Loss
from genlatent.objectives.contrastive import ContrastiveDivergence, carried, kept
from genlatent.objectives.displaced import Displaced, current, theta_of
from genlatent.objectives.snapshots import Trajectory
from genlatent.sampling.swaps import exchange, partners, permute

PAST = "past_"  # prefix of the snapshots' parameters in the state


class TrajectoryTempering(ContrastiveDivergence):
    r"""Persistent chains that exchange states with replicas at earlier parameters :math:`\theta_0, ..., \theta_{n-1}`.

    :math:`\theta_0` are the base rates of the data, without couplings; the last rung is the machine as it is now.
    Neighbours r and r + 1 swap with probability

    .. math:: \min\bigl(1, \exp[F_r(s_r) + F_{r+1}(s_{r+1}) - F_r(s_{r+1}) - F_{r+1}(s_r)]\bigr)

    and when the newest snapshot and the present machine accept too few of their swaps, the present parameters become
    a snapshot too. So the ladder has a rung wherever training changed the distribution, and goes through the modes in
    the order in which they came to be. Where there is no room left, every second snapshot is dropped.

    The same energies give :math:`\ln Z_{r+1} - \ln Z_r` by a running Bennett ratio (:mod:`.snapshots`), and as
    :math:`\ln Z_0` is known, each step reports `log_partition` and the batch's `log_likelihood` in nats: estimates,
    whose error is that of chains that have not been checked.

    Args:
        chains: each with a replica at every snapshot.
        snapshots: the most that are kept.
        target: acceptance between the newest snapshot and the machine below which a snapshot is added.
        steps, centred, memory, positive, sweeps: as in :class:`.ContrastiveDivergence`.

    References:
        Fast training and sampling of Restricted Boltzmann Machines (Béreux et al., 2024)
    """

    def __init__(
        self,
        chains: int = 100,
        snapshots: int = 10,
        target: float = 0.5,
        steps: int = 1,
        centred: bool = True,
        memory: float = 0.99,
        positive: str = "mean-field",
        sweeps: int = 10,
    ):
        super().__init__(steps, True, chains, centred, memory, positive, sweeps)
        if snapshots < 3:
            raise RecipeError(f"snapshots must be at least 3, got {snapshots}")
        if not 0 < target < 1:
            raise RecipeError(f"target, an acceptance, lies between 0 and 1, got {target}")
        self.snapshots = snapshots
        self.target = target

    def init(self, model: Any, x: Tensor, share: float = 1.0) -> dict[str, Tensor]:
        """All replicas are exact draws of the base rates, which every snapshot stands for at first."""
        chains, rungs = max(1, round(self.chains * share)), self.snapshots + 1
        layers = model.gibbs().init(chains * rungs).layers
        replicas = {name: layers[name].unflatten(0, (chains, rungs)) for name in carried(model)}
        past = {f"{PAST}{n}": p.expand(self.snapshots, *p.shape).clone() for n, p in snapshots.base(model).items()}
        start = snapshots.start(model, self.snapshots)
        return kept(model, replicas) | past | start._asdict()

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """Free-energy difference of one batch, and the trajectory after it."""
        positive = self.clamp(model, batch)
        past = {name.removeprefix(PAST): p for name, p in state.items() if name.startswith(PAST)}
        trajectory = Trajectory(**{name: state[name] for name in Trajectory._fields})
        replicas, trajectory, past = self._moved(model, self.start(model, positive, state), trajectory, past)
        loss = self.difference(model, positive, {name: s[:, -1] for name, s in replicas.items()})
        log_partition = trajectory.levels[-1]
        metrics = loss.metrics | {
            "log_partition": log_partition,
            "log_likelihood": -loss.metrics["free_energy"] - log_partition,
            "snapshots": trajectory.filled,
            "swap_acceptance": trajectory.acceptance,
        }
        kept_past = {f"{PAST}{name}": p for name, p in past.items()}
        return loss._replace(metrics=metrics, state=kept(model, replicas) | kept_past | trajectory._asdict())

    @torch.no_grad()
    def _moved(
        self, model: Any, replicas: dict[str, Tensor], trajectory: Trajectory, past: dict[str, Tensor]
    ) -> tuple[dict[str, Tensor], Trajectory, dict[str, Tensor]]:
        """After swaps, sweeps, and a snapshot where one was due."""
        values = {name: torch.cat((past[name], p.unsqueeze(0))) for name, p in current(model).items()}
        rungs = [Displaced(model, theta_of(model, {n: v[r] for n, v in values.items()})) for r in self._rungs]
        own, up, down = snapshots.energies(rungs, replicas)
        replicas, trajectory = self._exchanged(replicas, trajectory, own, up, down)
        swept = [self.advance(rung, {n: s[:, r] for n, s in replicas.items()}) for r, rung in enumerate(rungs)]
        replicas = {name: torch.stack([layers[name] for layers in swept], 1) for name in replicas}
        index, trajectory = snapshots.extended(trajectory, self.target)
        every = torch.cat((index, index.new_full((1,), self.snapshots)))
        replicas = {name: s.index_select(1, every) for name, s in replicas.items()}
        return replicas, trajectory, {name: v.index_select(0, index) for name, v in values.items()}

    @property
    def _rungs(self) -> range:
        return range(self.snapshots + 1)

    def _exchanged(
        self, replicas: dict[str, Tensor], trajectory: Trajectory, own: Tensor, up: Tensor, down: Tensor
    ) -> tuple[dict[str, Tensor], Trajectory]:
        """Neighbours swapped, half of the chains at the even pairs and half at the odd ones, in turns."""
        chain, rung = (torch.arange(size, device=own.device) for size in own.shape)
        partner = partners(len(rung), (chain + trajectory.clock) % 2)
        other = torch.where(partner > rung, up, torch.where(partner < rung, down, own))
        done = exchange(own, other, partner, torch.rand_like(own))
        tried = (partner[:, -1] != rung[-1]).to(own)
        last = (tried * done.probability[:, -1]).sum() / tried.sum().clamp(min=1)
        moved = {name: permute(s, done.order) for name, s in replicas.items()}
        return moved, snapshots.measured(trajectory, own, up, down, last)
