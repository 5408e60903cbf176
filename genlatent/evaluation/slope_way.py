r"""From a law that is known whole to a neural energy, by Hamiltonian Monte Carlo.

With the base :math:`q`, runs follow :math:`\log p_\lambda(x) = (1 - \lambda) \log q(x) - \lambda E(x) / T`, so that the
weights' mean is Z itself. They move in the directions in which the base is round.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.components import Component
from genlatent.errors import DataError, RecipeError, Unsupported
from genlatent.evaluation.annealed_latents import ACCEPTANCE, FIRST, GAIN, LARGEST, move
from genlatent.evaluation.bases import BASES
from genlatent.evaluation.code_path import Codes, Ends
from genlatent.sampling import schedule as schedules
from genlatent.sampling.annealing import AnnealingState, check
from genlatent.sampling.driver import Progress
from genlatent.sampling.pilot import Pilot
from genlatent.sampling.schedule import spread
from genlatent.sampling.slopes import slope
from genlatent.sampling.starts import Layers, some

LEAPS = 4  # leapfrog steps of a move
JITTER = 0.2  # share by which the step varies, so that no period of the dynamics is hit again and again
STARTS = 1000  # draws of noise that stand for data where there are none


class EnergyPath:
    """Both ends of the way as annealing in codes wants them: runs `(run, 1, dimensions)` of the base's own z.

    Args:
        model: a neural energy.
        rows: of its data; noise as broad as them where there are none.
        temperature: of the energy, in units of the model's own.
    """

    def __init__(self, model: Any, rows: Tensor | None, temperature: float = 1.0):
        self.model, self.temperature = model, temperature * float(model.temperature)
        if rows is None:
            rows = _noise(model)
        self.base = BASES[model.support](rows.flatten(1), model.spread)

    def draw(self, runs: int, generator: torch.Generator | None = None) -> Codes:
        """Draws of the base."""
        return self.base.code(self.base.draw((runs, 1), generator))

    def coded(self, x: Tensor) -> Codes:
        """Rows as codes."""
        return self.base.code(x.flatten(1)).unsqueeze(1)

    def decoded(self, z: Codes) -> Tensor:
        """Codes as rows, inside of the support."""
        return self.model.inside(self._unfolded(z))

    def _unfolded(self, z: Codes) -> Tensor:
        return (self.base.mean + self.base.push(z)).reshape(len(z), *self.model.event_shape)

    def ends(self, z: Codes) -> Ends:
        """Log-densities and slopes of the base, and of the energy but for ln Z."""
        x, base = self._unfolded(z), self.base
        seen, heading = (part(x).flatten(1) for part in (self.model.inside, self.model.heading))
        start, start_slope = base.log_prob(seen), base.slope(seen) * heading
        value, gradient = slope(self.model.energy, x)
        end, end_slope = -value / self.temperature, -base.pull(gradient.flatten(1)) / self.temperature
        before, after = (part.double().unsqueeze(1) for part in (start, end))
        return Ends(before, after, start_slope.unsqueeze(1), end_slope.unsqueeze(1))


class SlopeWay:
    """The way to a neural energy; what leapfrog steps are taken at each position, a pilot run finds out."""

    must_look = True

    def __init__(self, model: Any, rows: Tensor | None, temperature: float = 1.0):
        self.model, self.rows = model, rows
        self.path = EnergyPath(model, rows, temperature)
        self._known = np.array([0.0, 1.0]), np.log([FIRST, FIRST])  # positions, and logarithms of steps there

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.model.centre.device

    def exact(self) -> None:
        """Nothing is summed."""
        return

    def pilot(self, runs: int, steps: int, generator: torch.Generator) -> Pilot:
        """A short run over even positions, thrown away, in which the steps follow the acceptance."""
        positions = schedules.uniform(steps)
        lams, path = positions.tolist(), self.path
        z, step = path.draw(runs, generator), torch.full((1,), FIRST, device=self.device)
        ends, weights, spreads, taken = path.ends(z), torch.zeros(runs, dtype=torch.float64, device=self.device), [], []
        for here, after in pairwise(lams):
            increment = (after - here) * (ends.end - ends.start).squeeze(1)
            weights, spreads = weights + increment, [*spreads, spread(increment)]
            z, ends, accepted = self.moved(z, ends, after, step, generator)
            step = (step * (GAIN * (accepted - ACCEPTANCE)).exp()).clamp_max(LARGEST)
            taken.append(float(step.log()))
        self._known = np.array(lams[1:]), np.array(taken)
        return Pilot(positions, torch.tensor(spreads, dtype=torch.float64), float(weights.std()))

    def step_at(self, lam: float) -> Tensor:
        """The leapfrog step at a position."""
        return torch.full((1,), float(np.exp(np.interp(lam, *self._known))), device=self.device)

    def moved(
        self, z: Codes, ends: Ends, lam: float, step: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Codes, Ends, Float[Tensor, " row"]]:
        """One move at a position."""
        length = 1 + JITTER * (2 * torch.rand(1, generator=generator, device=self.device) - 1)
        return move(self.path, z, ends, lam, step * length.to(step), torch.ones_like(z[0]), LEAPS, generator)

    def annealing(self, positions: Tensor, reverse: bool = False) -> "SlopeAnnealing":
        """Annealed importance sampling."""
        return SlopeAnnealing(self, positions, reverse)

    def from_rows(self, rows: Tensor, runs: int, generator: torch.Generator) -> Layers:
        """Rows as they are."""
        return {"x": some(rows, runs, generator)}

    def from_chains(self, chains: Tensor | Mapping[str, Tensor], runs: int, generator: torch.Generator) -> Layers:
        """Places of chains, checked."""
        if not isinstance(chains, Tensor):
            if "x" not in chains:
                raise DataError(f"chains hold {', '.join(chains) or 'nothing'}; states of 'x' are wanted")
            chains = chains["x"]
        return self.from_rows(self.model.check(self.model.shaped(chains)), runs, generator)

    def fresh(self, runs: int, generator: torch.Generator) -> Layers:
        """Draws of the base."""
        return {"x": self.path.decoded(self.path.draw(runs, generator))}

    def settled(self, layers: Layers, steps: int, generator: torch.Generator, progress: Progress | None) -> Layers:
        """By moves of the energy itself."""
        z = self.path.coded(layers["x"])
        ends, step = self.path.ends(z), self.step_at(1.0)
        for done in range(1, steps + 1):
            z, ends, _ = self.moved(z, ends, 1.0, step, generator)
            if progress is not None:
                progress(done, steps)
        return {"x": self.path.decoded(z)}

    def drawn(self, runs: int, generator: torch.Generator) -> Layers:
        """There are no exact draws."""
        raise Unsupported("a neural energy has no exact draws")


class SlopeAnnealing(Component):
    """The kernel of annealed runs along slopes; at the base nothing moves, since draws of it are exact.

    Args:
        way: with its steps tuned.
        schedule: rising positions from 0, the base, to 1, the energy.
        reverse: from the energy to the base.
    """

    def __init__(self, way: SlopeWay, schedule: Tensor, reverse: bool = False):
        self.way, self.schedule, self.reverse = way, schedule, reverse
        lams = check(schedule).double().tolist()
        self.lams = lams[::-1] if reverse else lams

    def log_partition_base(self) -> float:
        """Of a density."""
        return 0.0

    def init(self, chains: int, generator: torch.Generator | None = None) -> AnnealingState:
        """Draws of the base."""
        if self.reverse:
            raise RecipeError("a reverse run starts at draws of the energy; hand them to start")
        return self.start({"x": self.way.path.decoded(self.way.path.draw(chains, generator))})

    def start(self, layers: Mapping[str, Tensor]) -> AnnealingState:
        """Runs that start where chains are."""
        x = layers["x"].detach()
        return AnnealingState({"x": x}, torch.zeros(len(x), dtype=torch.float64, device=x.device))

    def step(
        self, state: AnnealingState, generator: torch.Generator | None = None
    ) -> tuple[AnnealingState, dict[str, Tensor]]:
        """One position on; the increment of the log-weights is the info."""
        runner = self.runner(state, generator)
        runner.advance(1)
        return runner.state, {"increment": runner.state.log_weights - state.log_weights}

    def runner(self, state: AnnealingState, generator: torch.Generator | None = None) -> "SlopeRunner":
        """Many positions, no slope asked for twice."""
        return SlopeRunner(self, state, generator)

    def products(self, state: AnnealingState) -> list[tuple[int, int, int]]:
        """None that is known here; the energy keeps its products to itself."""
        return []


class SlopeRunner:
    """Runs on their way."""

    def __init__(self, kernel: SlopeAnnealing, state: AnnealingState, generator: torch.Generator | None = None):
        self._kernel, self._generator = kernel, generator
        self._z = kernel.way.path.coded(state.layers["x"])
        self._ends = kernel.way.path.ends(self._z)
        self._weights, self._done = state.log_weights, state.done

    @property
    def state(self) -> AnnealingState:
        """Where the runs are."""
        return AnnealingState({"x": self._kernel.way.path.decoded(self._z)}, self._weights, self._done)

    def advance(self, steps: int) -> None:
        """So many positions on."""
        way, lams = self._kernel.way, self._kernel.lams
        for here, after in pairwise(lams[self._done : self._done + steps + 1]):
            self._weights = self._weights + (after - here) * (self._ends.end - self._ends.start).squeeze(1)
            self._done += 1
            if after > 0:
                self._z, self._ends, _ = way.moved(self._z, self._ends, after, way.step_at(after), self._generator)


def _noise(model: Any) -> Tensor:
    """Rows as broad as the data of a model."""
    like, stream = model.centre, torch.Generator(model.centre.device).manual_seed(0)
    drawn = torch.randn((STARTS, *model.event_shape), generator=stream, dtype=like.dtype, device=like.device)
    return model.inside(like + model.spread * drawn)
