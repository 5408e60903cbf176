"""A short run of annealing that finds where the steps should lie, and how many it takes."""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.errors import RecipeError
from genlatent.numerics.matmul import choose, fast_matmul
from genlatent.sampling.annealing import Annealing
from genlatent.sampling.schedule import spread, uniform

EVEN = 0.25  # share of the positions that are spread evenly, whatever a pilot saw


class Pilot(NamedTuple):
    """What a short run found out about the way."""

    positions: Float[Tensor, " positions"]
    spreads: Float[Tensor, " steps"]  # of the weights that each step alone would give
    deviation: float  # standard deviation of the log-weights of the whole way

    def schedule(self, steps: int) -> Float[Tensor, " positions"]:
        """Positions between which the weights spread equally, so that no step is the weakest.

        >>> [round(lam, 2) for lam in Pilot(uniform(2), torch.tensor([3.0, 1.0]), 1.0).schedule(4).tolist()]
        [0.0, 0.18, 0.36, 0.6, 1.0]
        """
        uniform(steps)
        lam = self.positions.cpu().double().numpy()
        way = np.concatenate(([0.0], np.cumsum(self.spreads.cpu().double().numpy())))
        if not way[-1] > 0:
            return uniform(steps)
        shares = (1 - EVEN) * way / way[-1] + EVEN * lam
        found = torch.from_numpy(np.interp(np.linspace(0, 1, steps + 1), shares, lam))
        found[0], found[-1] = 0.0, 1.0
        return found

    def steps_for(self, deviation: float) -> int:
        r"""Steps after which log-weights spread no more than that: their variance falls as :math:`1/K`.

        Where chains cannot follow the way at all it falls more slowly, so the answer is a lower bound.

        >>> Pilot(uniform(100), torch.ones(100), 4.0).steps_for(1.0)
        1600
        """
        if deviation <= 0:
            raise RecipeError(f"the wished standard deviation must be above 0, got {deviation}")
        return max(math.ceil(len(self.spreads) * (self.deviation / deviation) ** 2), 1)


@torch.no_grad()
def pilot(
    machine: Any,
    runs: int = 100,
    steps: int = 100,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
) -> Pilot:
    """What so many runs of so many even steps saw.

    >>> from genlatent import RBM
    >>> pilot(RBM(4, 3), runs=10, steps=5).spreads.shape
    torch.Size([5])
    """
    kernel = Annealing(machine, uniform(steps), temperature)
    state = kernel.init(runs, generator)
    runner, spreads = kernel.runner(state, generator), []
    with fast_matmul(choose(kernel.products(state), state.log_weights.device)):
        for _ in range(steps):
            before = runner.state.log_weights.clone()
            runner.advance(1)
            spreads.append(spread(runner.state.log_weights - before))
    found = runner.state.log_weights
    return Pilot(kernel.schedule, torch.tensor(spreads, dtype=torch.float64), float(found.std()))
