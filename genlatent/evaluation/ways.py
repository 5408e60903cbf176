"""Ways from a model whose normaliser is known to one whose normaliser is not: what annealing needs of each family."""

import copy
from collections.abc import Mapping
from functools import singledispatch
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from genlatent.energy.dbn import DeepBeliefNet
from genlatent.energy.exact_draws import draw_exactly
from genlatent.energy.machine import BoltzmannMachine
from genlatent.energy.neural import NeuralEnergy
from genlatent.errors import Unsupported
from genlatent.evaluation.slope_way import SlopeWay
from genlatent.sampling import pilot, starts
from genlatent.sampling.annealing import Annealing
from genlatent.sampling.driver import Progress
from genlatent.sampling.gibbs import BlockGibbs
from genlatent.sampling.starts import Layers


@runtime_checkable
class Way(Protocol):
    """From the base model to the model itself, and back; `rows` of the data may be None."""

    rows: Tensor | None
    must_look: bool  # whether a pilot has to go ahead whatever the schedule

    @property
    def device(self) -> torch.device:
        """Where the runs are."""
        ...

    def exact(self) -> float | None:
        """ln Z where it can be summed."""
        ...

    def pilot(self, runs: int, steps: int, generator: torch.Generator) -> pilot.Pilot:
        """What a short run sees of the way."""
        ...

    def annealing(self, positions: Tensor, reverse: bool = False) -> Any:
        """The kernel of annealed runs: `init` or `start`, `runner`, and ln Z of the base model."""
        ...

    def from_rows(self, rows: Tensor, runs: int, generator: torch.Generator) -> Layers:
        """Runs that start at some of the rows."""
        ...

    def from_chains(self, chains: Any, runs: int, generator: torch.Generator) -> Layers:
        """Runs that start where chains ended."""
        ...

    def fresh(self, runs: int, generator: torch.Generator) -> Layers:
        """Runs that start at the base model."""
        ...

    def settled(self, layers: Layers, steps: int, generator: torch.Generator, progress: Progress | None) -> Layers:
        """Runs moved on by so many steps of the model itself."""
        ...

    def drawn(self, runs: int, generator: torch.Generator) -> Layers:
        """Exact draws, where :meth:`exact` knows ln Z."""
        ...


class MachineWay:
    """From the base rates to a Boltzmann machine, by Gibbs steps.

    Args:
        machine: nothing of it is changed.
        rows: that it learned from, checked; the base rates where it has none.
        temperature: of the machine and of everything on the way.
    """

    must_look = False

    def __init__(self, machine: Any, rows: Tensor | None, temperature: float):
        self.machine, self.rows, self.temperature = with_base_rates(machine, rows), rows, temperature

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return self.machine.base()[self.machine.data].device

    def exact(self) -> float | None:
        """By enumeration."""
        try:
            with torch.no_grad():
                return float(self.machine.log_partition_exact(beta=1 / self.temperature))
        except Unsupported:
            return None

    def pilot(self, runs: int, steps: int, generator: torch.Generator) -> pilot.Pilot:
        """A short run over even positions."""
        return pilot.pilot(self.machine, runs, steps, self.temperature, generator)

    def annealing(self, positions: Tensor, reverse: bool = False) -> Annealing:
        """Annealed importance sampling."""
        return Annealing(self.machine, positions, self.temperature, reverse)

    def from_rows(self, rows: Tensor, runs: int, generator: torch.Generator) -> Layers:
        """Rows, the other layers drawn given them."""
        return starts.from_rows(self.machine, rows, runs, self.temperature, generator)

    def from_chains(self, chains: Tensor | Mapping[str, Tensor], runs: int, generator: torch.Generator) -> Layers:
        """States of chains, checked."""
        return starts.from_chains(self.machine, starts.checked(self.machine, chains), runs, self.temperature, generator)

    def fresh(self, runs: int, generator: torch.Generator) -> Layers:
        """Chains at the base rates."""
        return dict(BlockGibbs(self.machine).init(runs, generator).layers)

    def settled(self, layers: Layers, steps: int, generator: torch.Generator, progress: Progress | None) -> Layers:
        """By Gibbs steps."""
        return starts.settled(self.machine, layers, steps, self.temperature, generator, progress)

    def drawn(self, runs: int, generator: torch.Generator) -> Layers:
        """Of a machine whose states can be listed."""
        return draw_exactly(self.machine, runs, temperature=self.temperature, generator=generator)


@singledispatch
def way_to(model: Any, data: Tensor | None, temperature: float, generator: torch.Generator) -> Way:
    """The way to a model, `data` being rows that it learned from."""
    raise Unsupported(f"{type(model).__name__} has no ln Z that annealing could find")


@way_to.register
def _(model: BoltzmannMachine, data: Tensor | None, temperature: float, generator: torch.Generator) -> Way:
    return MachineWay(model, None if data is None else model.check(data), temperature)


@way_to.register
def _(model: DeepBeliefNet, data: Tensor | None, temperature: float, generator: torch.Generator) -> Way:
    """To its top RBM, the only part whose normaliser is unknown; its data are what recognition draws of the rows."""
    with torch.no_grad():
        codes = None if data is None else model.up(model.check(data), generator)[0][-1]
    return way_to(model.top, codes, temperature, generator)


@way_to.register
def _(model: NeuralEnergy, data: Tensor | None, temperature: float, generator: torch.Generator) -> Way:
    return SlopeWay(model, None if data is None else model.check(data), temperature)


def with_base_rates(machine: Any, rows: Tensor | None) -> Any:
    """The machine itself where it has base rates; else one that shares all but these with it, and has the rows'."""
    if rows is None or bool(machine.base()[machine.data].any()):
        return machine
    machine, name = copy.copy(machine), f"{machine.data}_base"
    machine._buffers = {**machine._buffers, name: machine.units[machine.data].link(rows.mean(0))}
    return machine
