"""Persistent contrastive divergence whose chains are tempered, so that they cross between modes."""

from typing import Any

import torch
from torch import Tensor

from genlatent.objectives.base import Batch, Loss
from genlatent.objectives.contrastive import ContrastiveDivergence, State, carried, kept
from genlatent.sampling import journeys, ladders
from genlatent.sampling.tempering import ParallelTempering, TemperingState


class TemperedDivergence(ContrastiveDivergence):
    r"""Free-energy difference between data and the coldest replicas of chains under parallel tempering.

    Each chain has a replica on every rung of a ladder from an easy distribution to the machine; neighbours exchange
    their states before each sweep. Only the replicas at the machine itself enter the gradient. Modes that plain chains
    never leave are visited in their right proportion as long as swaps are accepted all along the ladder
    (`swap_acceptance`). In equilibrium the gradient is the likelihood's.

    Args:
        ladder: number of rungs, or their lambdas (temperatures on the other path), 1 among them.
        path: `base` from the base rates of the data, or `temperature` from a high temperature.
        chains: each with a replica on every rung.
        steps, centred, memory, positive, sweeps: as in :class:`.ContrastiveDivergence`.

    References:
        Parallel tempering for training of restricted Boltzmann machines (Desjardins et al., 2010);
        Parallel tempering is efficient for learning restricted Boltzmann machines (Cho et al., 2010)
    """

    def __init__(
        self,
        ladder: Any = 10,
        path: str = "base",
        steps: int = 1,
        chains: int = 100,
        centred: bool = True,
        memory: float = 0.99,
        positive: str = "mean-field",
        sweeps: int = 10,
    ):
        super().__init__(steps, True, chains, centred, memory, positive, sweeps)
        ladder = ladders.spelled(ladder)
        ladders.check(ladder, path, 1.0)
        self.ladder = ladder
        self.path = path

    def init(self, model: Any, x: Tensor, share: float = 1.0) -> dict[str, Tensor]:
        """Every replica at the base rates of the data."""
        chains = max(1, round(self.chains * share))
        replicas = self._kernel(model).init(chains).replicas
        state = kept(model, {name: replicas[name] for name in carried(model)})
        return state | {"parity": torch.zeros(chains, dtype=torch.long, device=x.device)}

    def __call__(self, model: Any, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """Free-energy difference of one batch."""
        positive = self.clamp(model, batch)
        tempered, acceptance = self._tempered(model, self.start(model, positive, state), state["parity"])
        replicas = {name: tempered.replicas[name] for name in carried(model)}
        loss = self.difference(model, positive, {name: tempered.at(s) for name, s in replicas.items()})
        metrics = loss.metrics | {"swap_acceptance": acceptance}
        return loss._replace(metrics=metrics, state=kept(model, replicas) | {"parity": tempered.parity})

    @torch.no_grad()
    def _tempered(self, model: Any, replicas: State, parity: Tensor) -> tuple[TemperingState, Tensor]:
        """All replicas so many swaps and sweeps on, and the mean acceptance of the last swaps."""
        kernel, one = self._kernel(model), torch.ones_like(parity, dtype=next(iter(replicas.values())).dtype)
        rungs = ladders.build(self.ladder, self.path, one)
        tempered, acceptance = TemperingState(dict(replicas), rungs, parity, journeys.start(rungs.beta)), one.mean()
        for _ in range(self.steps):
            tempered, info = kernel.step(tempered)
            acceptance = info["swap_acceptance"].mean()
        return tempered, acceptance

    def _kernel(self, model: Any) -> ParallelTempering:
        return ParallelTempering(model, self.ladder, path=self.path)
