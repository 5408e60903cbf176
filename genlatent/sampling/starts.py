"""Where reversed annealing starts: what stands in for draws of the machine."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from genlatent.distributions.supports import check
from genlatent.errors import DataError
from genlatent.sampling.annealing import AnnealingState
from genlatent.sampling.driver import Progress, run
from genlatent.sampling.gibbs import BlockGibbs, GibbsState
from genlatent.sampling.weights import resampled

CLAMPED = 20  # sweeps that bring the other layers to terms with the data

Layers = dict[str, Tensor]


def checked(machine: Any, chains: Tensor | Mapping[str, Tensor]) -> Layers:
    """States of chains by layer, refused where they are no states of these layers."""
    found = {machine.data: chains} if isinstance(chains, Tensor) else dict(chains)
    if machine.data not in found:
        raise DataError(f"chains hold {', '.join(found) or 'nothing'}; states of {machine.data!r} are wanted")
    lengths = {len(s) for s in found.values()}
    if len(lengths) > 1 or 0 in lengths:
        raise DataError(
            f"chains hold layers of {', '.join(map(str, sorted(lengths)))} states; each needs as many, and one"
        )
    return {name: _state(machine, name, s) for name, s in found.items()}


def _state(machine: Any, name: str, s: Tensor) -> Tensor:
    if name not in machine.sizes:
        raise DataError(f"chains: no layer is called {name!r}; layers: {', '.join(machine.layers)}")
    if s[0].numel() != machine.sizes[name]:
        raise DataError(f"chains: layer {name!r} has {machine.sizes[name]} units, but its states {s[0].numel()} values")
    rows = s.reshape(len(s), -1)
    check(rows, machine.units[name].support, f"chains of {name!r}")
    return rows


def from_rows(
    machine: Any, rows: Tensor, runs: int, temperature: float = 1.0, generator: torch.Generator | None = None
) -> Layers:
    """Rows of the data layer, any of them, each with the other layers drawn given it."""
    rows = some(rows, runs, generator)
    state = BlockGibbs(machine, temperature=temperature).init(runs, generator)
    state = state._replace(layers=state.layers | {machine.data: rows.to(state.layers[machine.data])})
    kernel = BlockGibbs(machine, temperature=temperature).holding(machine.data)
    kernel.blocks = [block for block in kernel.blocks if block]
    return run(kernel, state, CLAMPED, generator=generator).layers if kernel.blocks else state.layers


def from_chains(
    machine: Any,
    chains: Mapping[str, Tensor],
    runs: int,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
) -> Layers:
    """States of chains that ran before: of the data layer, or of all that are not summed out."""
    if not set(machine.layers) - set(machine.summed) <= set(chains):
        return from_rows(machine, chains[machine.data], runs, temperature, generator)
    which = some(torch.arange(len(chains[machine.data])), runs, generator)
    layers = BlockGibbs(machine, temperature=temperature).init(runs, generator).layers
    known = {name: chains[name].detach().to(s)[which.to(s.device)] for name, s in layers.items() if name in chains}
    return layers | known


def from_ends(state: AnnealingState, runs: int, generator: torch.Generator | None = None) -> Layers:
    """Ends of annealing runs, drawn in proportion to their weights."""
    which = resampled(state.log_weights, runs, generator)
    return {name: s[which] for name, s in state.layers.items()}


def settled(
    machine: Any,
    layers: Layers,
    steps: int,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    progress: Progress | None = None,
) -> Layers:
    """The same chains so many Gibbs steps on."""
    if steps < 1:
        return layers
    v = layers[machine.data]
    beta = None if temperature == 1 else v.new_full((len(v),), 1 / temperature)
    kernel = BlockGibbs(machine, temperature=temperature)
    return run(kernel, GibbsState(layers, beta), steps, generator=generator, progress=progress).layers


def some(rows: Tensor, runs: int, generator: torch.Generator | None) -> Tensor:
    """So many different rows where there are enough, otherwise each as often as any other."""
    device = generator.device if generator is not None else rows.device
    order = torch.randperm(len(rows), generator=generator, device=device)
    return rows[order.repeat(-(-runs // len(rows)))[:runs].to(rows.device)]
