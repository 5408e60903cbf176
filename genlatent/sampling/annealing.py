r"""Annealed importance sampling of a Boltzmann machine, from its base rates to itself and back.

With the positions :math:`0 = \lambda_0 < \dots < \lambda_K = 1` and the energy :math:`F_\lambda` of the layers that
are kept, the others being summed out, a run starts at a draw :math:`s_0` of the base model and goes on by

.. math:: \log w \mathrel{+}= F_{\lambda_k}(s_k) - F_{\lambda_{k+1}}(s_k), \qquad s_{k+1} \sim T_{\lambda_{k+1}}(s_k)

where :math:`T_\lambda` is a Gibbs step at :math:`\lambda`. Then :math:`E[w] = Z_1 / Z_0`. A run in reverse starts at a
draw of the machine, visits the positions from 1 to 0 with every Gibbs step reversed, and has :math:`E[w] = Z_0 / Z_1`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlatent.components import Component
from genlatent.errors import RecipeError
from genlatent.sampling import sites
from genlatent.sampling.annealed_sweep import AnnealedSweep
from genlatent.sampling.gibbs import BlockGibbs, GibbsState


class AnnealingState(NamedTuple):
    """Where the runs are: plain tensors, so that a long run can be kept between two parts."""

    layers: dict[str, Tensor]  # layer name -> (run, units)
    log_weights: Tensor  # (run,) float64
    done: int = 0  # steps behind


class Annealing(Component):
    """The kernel of annealed importance sampling: `driver.run(kernel, kernel.init(runs), kernel.steps)`.

    Args:
        machine: layers, couplings, base rates and units with a cumulant.
        schedule: rising positions from 0, the base rates, to 1, the machine.
        temperature: of the machine and of everything on the way.
        reverse: from the machine to the base rates.

    References:
        Annealed Importance Sampling (Neal, 2001); On the Quantitative Analysis of Deep Belief Networks (Salakhutdinov
        and Murray, 2008); Accurate and Conservative Estimates of MRF Log-likelihood using Reverse Annealing (Burda,
        Grosse and Salakhutdinov, 2015)
    """

    def __init__(self, machine: Any, schedule: Tensor, temperature: float = 1.0, reverse: bool = False):
        self.machine = machine
        self.schedule = schedule
        self.temperature = temperature
        self.reverse = reverse
        if not temperature > 0:
            raise RecipeError(f"temperature must be above 0, got {temperature}")
        lams = check(schedule).double().tolist()
        self._lams = lams[::-1] if reverse else lams
        self._beta = 1 / temperature
        kept = [name for block in machine.blocks for name in block if name not in machine.summed]
        self.kept = tuple(kept[::-1] if reverse else kept)  # in the order in which they are drawn

    @property
    def steps(self) -> int:
        """Steps of a whole run."""
        return len(self._lams) - 1

    def log_partition_base(self) -> float:
        r"""ln Z of the base model, :math:`\sum_l \sum_i K_l(\beta a_{li})`."""
        units, base = self.machine.units, self.machine.base()
        return sum(float(units[name].cumulant(self._beta * a.double()).sum()) for name, a in base.items())

    def init(self, chains: int, generator: torch.Generator | None = None) -> AnnealingState:
        """Draws of the base model."""
        if self.reverse:
            raise RecipeError("a reverse run starts at draws of the machine; hand them to start")
        if chains < 1:
            raise RecipeError(f"there must be at least 1 run, got {chains}")
        units, base = self.machine.units, self.machine.base()
        return self.start(
            {name: units[name].sample((self._beta * a).expand(chains, -1), generator) for name, a in base.items()}
        )

    def start(self, layers: Mapping[str, Tensor]) -> AnnealingState:
        """Runs that start where chains are: in reverse, draws of the machine, or what stands in for them."""
        kept = {name: s.detach() for name, s in layers.items()}
        for name in self.machine.summed:  # drawn before anything looks at them
            if name not in kept:
                some = next(iter(kept.values()))
                kept[name] = some.new_zeros(len(some), self.machine.sizes[name])
        like = kept[self.machine.data]
        return AnnealingState(kept, torch.zeros(len(like), dtype=torch.float64, device=like.device))

    @torch.no_grad()
    def step(
        self, state: AnnealingState, generator: torch.Generator | None = None
    ) -> tuple[AnnealingState, dict[str, Tensor]]:
        """One position on; the increment of the log-weights is the info."""
        before, after = self.between(state.done)
        increment, fields = self._increment(state.layers, before, after)
        layers = dict(state.layers)
        for name, field in fields.items():
            layers[name] = self.machine.units[name].sample(field, generator)
        for name in self.kept:
            layers[name] = self._drawn(name, layers, after, generator)
        return AnnealingState(layers, state.log_weights + increment, state.done + 1), {"increment": increment}

    def _drawn(
        self, name: str, layers: dict[str, Tensor], lam: float, generator: torch.Generator | None = None
    ) -> Tensor:
        s = layers[name]
        if name not in self.machine.colours:
            field = self.machine.field(name, layers, beta=self._beta, lam=lam)
            return self.machine.units[name].sample(field.expand_as(s), generator)
        beta, lams = (s.new_full((len(s),), knob) for knob in (self._beta, lam))
        return sites.step(self.machine, name, layers, beta, lams, None, generator, backwards=self.reverse)

    def runner(self, state: AnnealingState, generator: torch.Generator | None = None) -> "AnnealingRunner":
        """Many steps in place."""
        return AnnealingRunner(self, state, generator)

    def products(self, state: AnnealingState) -> list[tuple[int, int, int]]:
        """Rows, inner and columns of the matrix products of one step."""
        return BlockGibbs(self.machine).products(GibbsState(state.layers))

    def between(self, done: int) -> tuple[float, float]:
        """The positions from which and to which the next step goes."""
        if done >= self.steps:
            raise RecipeError(f"the run has {self.steps} steps, and all of them are done")
        return self._lams[done], self._lams[done + 1]

    def _increment(self, layers: Mapping[str, Tensor], before: float, after: float) -> tuple[Tensor, dict[str, Tensor]]:
        r"""What a step adds to the log-weights, and the fields of the summed layers at its end.

        .. math::

            \beta (\lambda' - \lambda) \Bigl[\sum_{l} (b_l - a_l)^\top s_l + \sum_{kl} s_k^\top W_{kl} s_l\Bigr]
            + \sum_{l\ summed} K(f'_l) - K(f_l)
        """
        machine, theta, base = self.machine, self.machine.theta(), self.machine.base()
        kept = {name: s for name, s in layers.items() if name not in machine.summed}
        slope = torch.stack([s @ (theta.biases[name] - base[name]) for name, s in kept.items()]).sum(0)
        for (a, b), w in theta.couplings.items():
            if a in kept and b in kept:
                slope = slope + ((kept[a] @ w) * kept[b]).sum(-1) * (0.5 if a == b else 1.0)
        increment, fields = self._beta * (after - before) * slope.double(), {}
        for name in machine.summed:
            whole, a, K = machine.field(name, kept), base[name], machine.units[name].cumulant
            old, fields[name] = (self._beta * (lam * whole + (1 - lam) * a) for lam in (before, after))
            increment = increment + (K(fields[name]) - K(old)).double().sum(-1)
        return increment, fields


class AnnealingRunner:
    """Runs moved in place; see :class:`AnnealedSweep`."""

    def __init__(self, kernel: Annealing, state: AnnealingState, generator: torch.Generator | None = None):
        self._kernel, self._done = kernel, state.done
        how = (kernel.kept, state.layers, state.log_weights, 1 / kernel.temperature, generator, kernel.reverse)
        self._sweep = AnnealedSweep(kernel.machine, *how)

    @property
    def state(self) -> AnnealingState:
        """The live buffers of the runs."""
        return AnnealingState(self._sweep.layers, self._sweep.log_weights, self._done)

    @torch.no_grad()
    def advance(self, steps: int) -> None:
        """So many positions on."""
        for _ in range(steps):
            self._sweep.step(*self._kernel.between(self._done))
            self._done += 1


def check(schedule: Tensor) -> Tensor:
    """A schedule, refused where it does not rise from 0 to 1."""
    ends = schedule.dim() == 1 and len(schedule) > 1 and float(schedule[0]) == 0 and float(schedule[-1]) == 1
    if not ends or not bool((schedule.diff() > 0).all()):
        raise RecipeError("a schedule must rise from 0 to 1; schedule.uniform(steps) makes one")
    return schedule
