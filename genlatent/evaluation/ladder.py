"""What the replicas of a ladder did: how easily neighbours swap, and whether states travel from end to end."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from genlatent.evaluation.chains import BURN_IN, CHAINS
from genlatent.evaluation.record import Record
from genlatent.sampling.driver import Progress, trace
from genlatent.sampling.tempering import ParallelTempering, TemperingState

SELDOM = 0.1  # swap rate below which a gap is too wide


class Ladder(NamedTuple):
    """Of parallel tempering with R rungs, hottest first, after its rungs were spaced."""

    beta: np.ndarray  # (rung,)
    lam: np.ndarray  # (rung,)
    rates: np.ndarray  # (gap,) mean swap probability of neighbours
    flow: np.ndarray  # (rung,) share of visitors that come from the hottest rung
    round_trips: float  # of all chains together
    steps: int  # in which they were made, of each chain
    energies: np.ndarray  # (draw and chain, rung) at temperature 1
    heading: np.ndarray  # (chain, draw, rung): 1 where the replica last saw the hottest rung, -1 the coldest

    @property
    def barrier(self) -> float:
        """Sum of the rejection rates."""
        return float((1 - self.rates).sum())


def run_ladder(
    model: Any,
    *,
    ladder: Any = 10,
    path: str = "base",
    temperature: float = 1.0,
    given: Mapping[str, Any] | None = None,
    chains: int = CHAINS,
    draws: int = 500,
    burn_in: int = BURN_IN,
    generator: torch.Generator | None = None,
    progress: Progress | None = None,
) -> Ladder:
    """Chains of parallel tempering, watched on every rung at every step.

    Args:
        model: a Boltzmann machine.
        ladder, path: as of :class:`.ParallelTempering`.
        temperature, given, chains, draws, burn_in, generator, progress: as of :func:`.run_chains`.
    """
    kernel = model.kernel("tempering", given, temperature, ladder=ladder, path=path)
    how: dict[str, Any] = {"burn_in": burn_in, "generator": generator, "progress": progress}
    last, seen = trace(kernel, kernel.init(chains, generator), draws, observe=_Rungs(kernel), **how)
    state: TemperingState = last
    energies, heading = (seen[name].numpy(force=True) for name in ("energies", "heading"))
    journeys, rungs = state.journeys, state.rungs
    return Ladder(
        beta=rungs.beta[0].numpy(force=True),
        lam=rungs.lam[0].numpy(force=True),
        rates=journeys.rates.numpy(force=True),
        flow=journeys.flow.numpy(force=True),
        round_trips=float(journeys.round_trips.sum()),
        steps=draws,
        energies=energies.reshape(-1, energies.shape[-1]),
        heading=heading,
    )


class _Rungs:
    """Energy and history of the replica on every rung."""

    def __init__(self, kernel: ParallelTempering):
        self.kernel = kernel

    def __call__(self, state: TemperingState) -> dict[str, Tensor]:
        flat = {name: s.flatten(0, 1) for name, s in state.replicas.items()}
        energies = self.kernel.replicated.energy(flat).view(state.rungs.beta.shape)
        return {"energies": energies, "heading": state.journeys.heading}


def ladder_records(ladder: Ladder, chains: int) -> list[Record]:
    """The least swap rate, and round trips for each chain."""
    gap, rate = int(ladder.rates.argmin()), float(ladder.rates.min())
    method = f"{len(ladder.lam)} rungs, {ladder.steps} steps of {chains} chains"
    wide = ("ok", "") if rate >= SELDOM else ("doubtful", f"below {SELDOM:g}: give the ladder more rungs")
    trips = ladder.round_trips / chains
    far = ("ok", "") if trips >= 1 else ("doubtful", "states hardly travel the ladder: take more steps or more rungs")
    return [
        Record("least swap rate", rate, f"{method}, rungs {gap} and {gap + 1}", verdict=wide[0], reason=wide[1]),
        Record("round trips of a chain", trips, method, verdict=far[0], reason=far[1]),
    ]
