"""ln Z of a machine with two sets of layers, by listing every state of the smaller set."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.energy.machine import BoltzmannMachine
from genlatent.errors import Unsupported

LARGEST = 25  # units that are listed
CHUNK = 2**22  # numbers held at a time


def log_partition(
    machine: BoltzmannMachine, *, beta: float | None = None, lam: float | None = None
) -> Float[Tensor, ""]:
    r""":math:`\log \sum_s e^{-F(s)}` over the states of the smaller set of layers, the other set summed out.

    Everything is computed in float64 and differentiable.
    """
    layers = _listed(machine)
    theta = machine.theta().double()
    widths = [machine.sizes[name] for name in layers]
    rest = max(sum(machine.sizes.values()) - sum(widths), 1)
    parts = []
    for states in _states(machine, layers, max(CHUNK // rest, 1)):
        kept = dict(zip(layers, states.split(widths, dim=1)))
        energy, _ = machine.reduced_energy(kept, beta=beta, lam=lam, theta=theta)
        parts.append((-energy).logsumexp(0))
    return torch.stack(parts).logsumexp(0)


def _listed(machine: BoltzmannMachine) -> list[str]:
    """The layers whose states are listed: the smaller of the two sides that can be."""
    if len(machine.blocks) > 2:
        raise Unsupported("layers coupled in a ring cannot be summed out; estimate ln Z by annealing")
    sides = [list(block) for block in machine.blocks]
    finite = [side for side in sides if all(machine.units[name].values is not None for name in side)]
    sizes = [sum(machine.sizes[name] for name in side) for side in finite]
    if not sizes or min(sizes) > LARGEST:
        smallest = f"the smaller side has {min(sizes)}" if sizes else "neither side has finitely many states"
        raise Unsupported(f"exact ln Z lists up to {LARGEST} units; {smallest}; estimate it by annealing instead")
    return finite[sizes.index(min(sizes))]


def _states(machine: BoltzmannMachine, layers: list[str], rows: int) -> Iterator[Tensor]:
    """All states of the layers side by side, at most `rows` at a time."""
    like = next(machine.parameters())
    values = [machine.units[name].values or () for name in layers for _ in range(machine.sizes[name])]
    levels = torch.tensor(values, dtype=torch.float64, device=like.device)
    total = math.prod(len(v) for v in values)
    place = torch.tensor([2**i for i in range(len(values))], device=like.device)
    for start in range(0, total, rows):
        number = torch.arange(start, min(start + rows, total), device=like.device)
        digit = number.unsqueeze(1) // place % 2
        yield torch.where(digit == 1, levels[:, 1], levels[:, 0])
