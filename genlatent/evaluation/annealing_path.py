r"""Annealed runs with what they weigh at every position: whether both directions tell of the same machine."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from genlatent.errors import RecipeError
from genlatent.evaluation.ways import with_base_rates
from genlatent.numerics.logspace import log_mean_exp
from genlatent.sampling import schedule as schedules
from genlatent.sampling import starts
from genlatent.sampling.annealing import Annealing
from genlatent.sampling.driver import Progress, trace


class AnnealingPath(NamedTuple):
    r"""Log-weights of runs in both directions, :math:`\log w` up to each position; both ends at 0 where they begin.

    `forward[i, k]` is run i's estimate of :math:`\log Z_{\lambda_k} / Z_0`, `reverse[i, k]` that of
    :math:`\log Z_{\lambda_k} / Z_1`.
    """

    positions: np.ndarray  # (position,) from 0, the base rates, to 1, the machine
    base: float  # ln Z at 0
    forward: np.ndarray  # (run, position)
    reverse: np.ndarray  # (run, position)

    @property
    def log_partition_forward(self) -> np.ndarray:
        r"""ln Z at each position, :math:`\log Z_0 + \log \frac{1}{n} \sum_i w_{ik}`."""
        return self.base + _log_mean(self.forward)

    @property
    def log_partition_reverse(self) -> np.ndarray:
        """The same by the reverse runs, told from where they end, the base rates, whose ln Z is known."""
        found = _log_mean(self.reverse)
        return self.base + found - found[0]

    @property
    def works(self) -> tuple[np.ndarray, np.ndarray]:
        """What each run alone says of the machine's ln Z, forward and reverse."""
        return self.base + self.forward[:, -1], self.base - self.reverse[:, 0]


def annealing_path(
    machine: Any,
    data: Tensor | None = None,
    *,
    runs: int = 200,
    steps: int = 500,
    settle: int | None = None,
    generator: torch.Generator | None = None,
    progress: Progress | None = None,
) -> AnnealingPath:
    """Annealing forward, and back from where the forward runs ended, resampled and settled by Gibbs steps.

    For numbers to quote there is :func:`.log_partition`; this is for looking at.

    Args:
        machine: any Boltzmann machine.
        data: rows whose base rates are taken where it has none.
        runs: in each direction.
        steps: of each run, at even positions.
        settle: Gibbs steps between the directions; as many as `steps` by default.
        generator: the random stream.
        progress: called with steps done and steps in all, of each direction.
    """
    if runs < 2 or steps < 2:
        raise RecipeError(f"runs and steps must be at least 2, got {runs} and {steps}")
    generator = generator or torch.Generator(machine.base()[machine.data].device).manual_seed(0)
    machine = with_base_rates(machine, None if data is None else machine.check(data))
    positions = schedules.uniform(steps)
    ahead, back = (Annealing(machine, positions, reverse=reverse) for reverse in (False, True))
    how: dict[str, Any] = {"observe": _log_weights, "generator": generator, "progress": progress}
    end, forward = trace(ahead, ahead.init(runs, generator), steps, **how)
    ends = starts.from_ends(end, runs, generator)
    settled = starts.settled(machine, ends, steps if settle is None else settle, 1.0, generator)
    _, reverse = trace(back, back.start(settled), steps, **how)
    weights = [np.pad(seen["log_weights"].numpy(force=True), ((0, 0), (1, 0))) for seen in (forward, reverse)]
    return AnnealingPath(positions.numpy(force=True), ahead.log_partition_base(), weights[0], weights[1][:, ::-1])


def _log_weights(state: Any) -> dict[str, Tensor]:
    return {"log_weights": state.log_weights}


def _log_mean(log_weights: np.ndarray) -> np.ndarray:
    return log_mean_exp(torch.from_numpy(log_weights.copy())).numpy()
