"""Exact sums over the states of a machine: as few layers as can be are listed, the others summed in closed form."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.energy.layers import Layers
from genlatent.energy.layout import Theta
from genlatent.errors import Unsupported

LARGEST = 25  # units of two values that are listed
CHUNK = 2**22  # numbers held at a time


def log_partition(
    machine: Layers, *, beta: float | None = None, lam: float | None = None, theta: Theta | None = None
) -> Float[Tensor, ""]:
    r""":math:`\log Z = \log \sum_s e^{-E(s)}`, in float64 and differentiable."""
    return log_sum(machine, {}, beta=beta, lam=lam, theta=theta)[0]


def log_sum(
    machine: Layers,
    given: Mapping[str, Tensor],
    *,
    beta: float | None = None,
    lam: float | None = None,
    theta: Theta | None = None,
) -> Float[Tensor, " rows"]:
    r""":math:`\log \sum_s e^{-E(s, g)}` over the states of all layers that are not given, for each row g.

    Computed in float64 and differentiable. With nothing given there is one row.

    Args:
        machine: all but at most `LARGEST` units of the layers that are not given can be summed in closed form.
        given: states of some layers, `(rows, units)`.
        beta: inverse temperature.
        lam: share of the machine; the rest is its base rates.
        theta: other parameters than the machine's own.
    """
    layers, theta = listed(machine, tuple(given)), (theta or machine.theta()).double()
    fixed = {name: s.double() for name, s in given.items()}
    rows = len(next(iter(fixed.values()))) if fixed else 1
    step = max(CHUNK // max(sum(machine.sizes.values()), 1), 1)
    parts = []
    for states in every_state(machine, layers, max(step // rows, 1)):
        kept = dict(zip(layers, states.split([machine.sizes[name] for name in layers], dim=1)))
        pairs = {name: s.repeat(rows, 1) for name, s in kept.items()}
        pairs |= {name: s.repeat_interleave(len(states), 0) for name, s in fixed.items()}
        energy, _ = machine.reduced_energy(pairs, beta=beta, lam=lam, theta=theta)
        parts.append((-energy).reshape(rows, -1).logsumexp(1))
    return torch.stack(parts).logsumexp(0)


def listed(machine: Layers, given: Sequence[str] = ()) -> tuple[str, ...]:
    """The layers to list, of those not given: the fewest states without which the others have a closed sum."""
    free = [name for name in machine.layers if name not in given]
    choices = [
        layers
        for count in range(len(free) + 1)
        for layers in itertools.combinations(free, count)
        if _finite(machine, layers) and _apart(machine, [name for name in free if name not in layers])
    ]
    best = min(choices, key=lambda layers: _bits(machine, layers), default=None)
    if best is None:
        raise Unsupported("exact sums list states, and too many layers here have infinitely many; anneal instead")
    if _bits(machine, best) > LARGEST:
        raise Unsupported(
            f"exact ln Z lists up to {LARGEST} units; the smaller side has {_bits(machine, best):.0f}; "
            "estimate it by annealing instead"
        )
    return best


def _finite(machine: Layers, layers: Sequence[str]) -> bool:
    return all(machine.units[name].alternatives is not None for name in layers)


def _apart(machine: Layers, layers: Sequence[str]) -> bool:
    """Whether no two of the layers are coupled, nor any within itself."""
    return not any(a in layers and b in layers for a, b in machine.couplings)


def _bits(machine: Layers, layers: Sequence[str]) -> float:
    """Base-2 logarithm of the number of states that the layers have together."""
    units = [(machine.units[name], machine.sizes[name]) for name in layers]
    return sum(size // unit.width * math.log2(len(unit.alternatives or ())) for unit, size in units)


def every_state(machine: Layers, layers: Sequence[str], rows: int) -> Iterator[Tensor]:
    """All states of the layers side by side, at most `rows` at a time; the first site changes fastest."""
    device = next(machine.parameters()).device
    sites = [table for name in layers for table in _tables(machine, name, device)]
    total = math.prod(len(table) for table in sites)
    for start in range(0, total, rows):
        number = torch.arange(start, min(start + rows, total), device=device)
        parts = [number.new_zeros(len(number), 0).double()]
        for table in sites:
            parts.append(table[number % len(table)])
            number = number // len(table)
        yield torch.cat(parts, 1)


def _tables(machine: Layers, name: str, device: torch.device) -> list[Tensor]:
    """For each site of a layer its states, one a row."""
    unit = machine.units[name]
    table = torch.tensor(unit.alternatives or (), dtype=torch.float64, device=device)
    return [table] * (machine.sizes[name] // unit.width)
