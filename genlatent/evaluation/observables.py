r"""What is watched of a machine's chains: few numbers that a state far from the others would show up in."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.errors import DataError
from genlatent.sampling.draws import Draws

DIRECTIONS = 3  # leading principal directions of the data layer
ROWS = 2000  # from which they are found, at the most
DRAWS_AT_ONCE = 50  # whose energies are computed together
DECIMALS = 6  # of energies and projections


class Observables:
    r"""Of a state: its energies, the mean of each layer, and projections of the data layer.

    * `energy`: :math:`E(s)` of all layers;
    * `free_energy`: :math:`F(s)` with the layers summed out that have a closed sum; of an RBM that of its data layer;
    * `magnetisation_LAYER`: the mean over a layer's units; of units in groups the share of each state;
    * `projections`: the data layer along the given directions.

    Energies are those at temperature 1, whatever the chains sample: functions of the state like the others. They and
    the projections are computed in float64 and rounded to six decimals, so that a state has the same ones wherever it
    stands in a product. Of discrete states many are equal, and ranks would tell chains apart by their last bits.

    Args:
        machine: a Boltzmann machine, or another model with `free_energy` and a data layer.
        directions: `(units, directions)`; without them there are no projections.
    """

    def __init__(self, machine: Any, directions: Float[Tensor, "units direction"] | None = None):
        self.machine = machine
        self.directions = directions

    @torch.no_grad()
    def __call__(self, state: Any) -> dict[str, Tensor]:
        """The values by name, `(chain, ...)` each; `state` has the layers, or is the mapping of them itself."""
        layers: Mapping[str, Tensor] = getattr(state, "layers", state)
        found = self._energies(layers)
        for name, s in layers.items():
            found[f"magnetisation_{name}"] = self._magnetisation(name, s.flatten(1))
        if self.directions is not None:
            along = self._data(layers).flatten(1).double() @ self.directions.double()
            found["projections"] = along.round(decimals=DECIMALS)
        return found

    def _energies(self, layers: Mapping[str, Tensor]) -> dict[str, Tensor]:
        machine = self.machine
        if not hasattr(machine, "reduced_energy"):
            return {"free_energy": machine.free_energy(self._data(layers))}
        theta, wide = doubled(machine.theta()), {name: s.double() for name, s in layers.items()}
        kept = {name: s for name, s in wide.items() if name not in machine.summed}
        found = {"free_energy": machine.reduced_energy(kept, theta=theta)[0]}
        if len(kept) < len(wide):
            found = {"energy": machine.energy(wide, theta=theta), **found}
        return {name: energy.round(decimals=DECIMALS) for name, energy in found.items()}

    def _data(self, layers: Mapping[str, Tensor]) -> Tensor:
        """The data layer: of a bounded energy what the chains' positions stand for."""
        s, machine = layers[self.machine.data], self.machine
        return machine.inside(s.reshape(len(s), *machine.event_shape)) if hasattr(machine, "inside") else s

    def _magnetisation(self, name: str, s: Tensor) -> Tensor:
        units = getattr(self.machine, "units", {})
        width = units[name].width if name in units else 1
        return s.mean(1) if width == 1 else s.unflatten(1, (-1, width)).mean(1)


def doubled(theta: Any) -> Any:
    """Parameters in float64."""
    biases = {name: b.double() for name, b in theta.biases.items()}
    return theta._replace(biases=biases, couplings={pair: w.double() for pair, w in theta.couplings.items()})


def principal_directions(rows: Tensor, count: int = DIRECTIONS) -> Float[Tensor, "units direction"]:
    """Directions in which rows vary most, the first one first: of at most 2000 rows, evenly chosen.

    >>> rows = torch.tensor([[0.0, 0.0, 1.0], [3.0, 3.0, 1.0], [1.0, 1.0, 1.0]])
    >>> torch.allclose(principal_directions(rows, 1).abs(), torch.tensor([[0.5**0.5], [0.5**0.5], [0.0]]))
    True
    """
    flat = rows.flatten(1)
    flat = flat[~flat.isnan().any(1)]
    if len(flat) < 2:
        raise DataError(f"directions need at least 2 rows without missing values, got {len(flat)}")
    chosen = flat[torch.linspace(0, len(flat) - 1, min(len(flat), ROWS), device=flat.device).round().long()]
    return torch.linalg.svd(chosen - chosen.mean(0), full_matrices=False).Vh[:count].mT.contiguous()


def summarised(machine: Any, draws: Draws, directions: Tensor | None = None) -> Draws:
    """The observables of chains that were kept with all their layers, as :meth:`BoltzmannMachine.trace` keeps them.

    Without directions, those of the draws themselves are taken, all chains together.
    """
    layers = {machine.data: draws["x"].flatten(2)}
    layers |= {name: draws[name] for name in getattr(machine, "layers", {}) if name != machine.data}
    if directions is None:
        directions = principal_directions(layers[machine.data].flatten(0, 1))
    observe = Observables(machine, directions)
    parts = [_observed(observe, dict(zip(layers, part))) for part in zip(*(_split(s) for s in layers.values()))]
    return replace(draws, values={name: torch.cat([part[name] for part in parts], 1) for name in parts[0]})


def _split(s: Tensor) -> tuple[Tensor, ...]:
    return s.split(DRAWS_AT_ONCE, 1)


def _observed(observe: Observables, layers: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Of layers `(chain, draw, units)`."""
    shape = next(iter(layers.values())).shape[:2]
    found = observe({name: s.flatten(0, 1) for name, s in layers.items()})
    return {name: value.unflatten(0, shape) for name, value in found.items()}
