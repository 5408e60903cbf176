"""Gibbs sampling of layers: a block of layers that are not coupled is drawn at once, given all others.

A layer whose units are coupled with each other is drawn site by site.
"""

import copy
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlatent.components import Component
from genlatent.errors import DataError, RecipeError
from genlatent.sampling import site_sweep, sites
from genlatent.sampling.stepping import refuse_infinite
from genlatent.sampling.sweep import Sweep


class GibbsState(NamedTuple):
    """Where the chains are, and which distribution each of them samples; None stands for 1 in every chain."""

    layers: dict[str, Tensor]  # layer name -> (chain, units)
    beta: Tensor | None = None  # (chain,) inverse temperature
    lam: Tensor | None = None  # (chain,) 1 for the machine, 0 for its base rates


class BlockGibbs(Component):
    """Gibbs sampling of a Boltzmann machine, block by block; the block of the data layer comes last.

    Args:
        machine: layers, blocks, `field(layer, state, beta=, lam=)` and units that `sample(field)`.
        given: values held fixed, by layer, one row or one for each chain; NaN means "sample me".
        temperature: one for all chains or one for each.
    """

    def __init__(
        self, machine: Any, given: Mapping[str, Tensor] | None = None, temperature: float | Tensor | None = None
    ):
        self.machine = machine
        self.given = {name: _rows(value) for name, value in (given or {}).items()}
        self.temperature = temperature
        _check(machine, self.given, temperature)
        known = {name for name, value in self.given.items() if not bool(value.isnan().any())}
        if known == set(machine.layers):
            raise DataError("every unit is given, so nothing is left to sample; put NaN where values are to be drawn")
        self.blocks = [[name for name in block if name not in known] for block in machine.blocks]

    def holding(self, *layers: str) -> "BlockGibbs":
        """The same sampling with some layers left where the state has them, row by row."""
        held = copy.copy(self)
        held.blocks = [[name for name in block if name not in layers] for block in self.blocks]
        return held

    def fixed(self, layer: str) -> bool:
        """Whether every unit of a layer is given."""
        return not any(layer in block for block in self.blocks)

    def init(self, chains: int, generator: torch.Generator | None = None) -> GibbsState:
        """Chains at the base rates, with the given values in place."""
        layers = {}
        self._check_rows(chains)
        for name, bias in self.machine.base().items():
            drawn = self.machine.units[name].sample(bias.detach().expand(chains, -1), generator)
            layers[name] = self._clamp(name, drawn)
        return GibbsState(layers, self._beta(chains, next(iter(layers.values()))))

    def _check_rows(self, chains: int) -> None:
        if chains < 1:
            raise RecipeError(f"there must be at least 1 chain, got {chains}")
        for name, value in self.given.items():
            if len(value) not in (1, chains):
                raise DataError(
                    f"given {name} has {len(value)} rows for {chains} chains; give one row, or one for each"
                )

    def _beta(self, chains: int, like: Tensor) -> Tensor | None:
        if self.temperature is None:
            return None
        temperature = torch.as_tensor(self.temperature, dtype=like.dtype, device=like.device)
        if temperature.dim() and temperature.shape != (chains,):
            raise RecipeError(f"{chains} chains need {chains} temperatures or one, got {tuple(temperature.shape)}")
        return temperature.reciprocal().expand(chains)

    @torch.no_grad()
    def step(self, state: GibbsState, generator: torch.Generator | None = None) -> tuple[GibbsState, dict[str, Tensor]]:
        """Draw every block once."""
        layers = dict(state.layers)
        for block in self.blocks:
            for name in block:
                layers[name] = self._drawn(name, layers, state, generator)
        return state._replace(layers=layers), {}

    def _drawn(
        self, name: str, layers: dict[str, Tensor], state: GibbsState, generator: torch.Generator | None
    ) -> Tensor:
        if name in self.machine.colours:
            return sites.step(self.machine, name, layers, state.beta, state.lam, self.given.get(name), generator)
        field = self.machine.field(name, layers, beta=state.beta, lam=state.lam)
        return self._clamp(name, self.machine.units[name].sample(field, generator))

    def runner(self, state: GibbsState, generator: torch.Generator | None = None) -> "GibbsRunner":
        """Many steps in place."""
        return GibbsRunner(self, state, generator)

    def products(self, state: GibbsState) -> list[tuple[int, int, int]]:
        """Rows, inner and columns of the matrix products of one step."""
        chains, sizes = len(next(iter(state.layers.values()))), self.machine.sizes
        sides = [pair for a, b in self.machine.couplings if a != b for pair in ((a, b), (b, a))]
        by_site = [name for name in self.machine.colours for _ in range(0, sizes[name], site_sweep.BLOCK)]
        return [(chains, sizes[a], sizes[b]) for a, b in sides] + [
            (min(site_sweep.BLOCK, sizes[name]), sizes[name], chains) for name in by_site
        ]

    def _clamp(self, name: str, drawn: Tensor) -> Tensor:
        if name not in self.given:
            return drawn
        value = self.given[name]
        return torch.where(value.isnan(), drawn, value)


class GibbsRunner:
    """Sweeps of the chains in place; see :class:`Sweep`."""

    def __init__(self, kernel: BlockGibbs, state: GibbsState, generator: torch.Generator | None = None):
        given, beta, lam = kernel.given, state.beta, state.lam
        self._kernel = kernel
        self._unbounded = [name for name in state.layers if kernel.machine.units[name].alternatives is None]
        self._sweep = Sweep(kernel.machine, kernel.blocks, state.layers, given, beta, lam, generator)
        self._state = state._replace(layers=self._sweep.layers)

    @property
    def state(self) -> GibbsState:
        """The live buffers of the chains."""
        return self._state

    @torch.no_grad()
    def advance(self, steps: int) -> None:
        """So many sweeps on."""
        for _ in range(steps):
            self._sweep.step()
        if self._unbounded:
            refuse_infinite(self._kernel, self._state)


def _rows(value: Tensor) -> Tensor:
    return value if value.dim() == 2 else value.unsqueeze(0)


def _check(machine: Any, given: Mapping[str, Tensor], temperature: float | Tensor | None) -> None:
    if temperature is not None and not bool((torch.as_tensor(temperature) > 0).all()):
        raise RecipeError(f"temperature must be above 0, got {temperature}")
    for name, value in given.items():
        if name not in machine.layers:
            raise RecipeError(f"no layer is called {name!r}; layers: {', '.join(machine.layers)}")
        if value.shape[-1] != machine.sizes[name]:
            raise DataError(f"layer {name} has {machine.sizes[name]} units, given {value.shape[-1]} values")
