r"""Snapshots of a training as the rungs of a ladder: their energies, their ln Z, and when there is one more.

A trajectory has a fixed number of slots, as a traced step must. Those that are not filled yet repeat the newest
snapshot, so states pass through them freely; the rung after the last slot is the machine as it is now.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

MEMORY = 20.0  # steps over which the acceptance is averaged
MOVING = 4.0  # the same for the difference of ln Z across the gap to the machine, which moves at every step
LEAST = 0.02  # curvature below which a Newton step is not trusted


class Trajectory(NamedTuple):
    """What is known of a ladder of snapshots."""

    filled: Int[Tensor, ""]  # snapshots that differ; the slots after them repeat the newest
    levels: Float[Tensor, " rung"]  # ln Z of each slot and of the present machine
    seen: Float[Tensor, " gap"]  # steps behind the difference of ln Z across each gap
    acceptance: Float[Tensor, ""]  # recent swap probability between the newest snapshot and the machine
    clock: Int[Tensor, ""]


def base(machine: Any) -> dict[str, Tensor]:
    """The machine's base rates as its parameters: no couplings, and biases whose ln Z is a sum over units."""
    biases = {f"{name}_bias": bias.detach().clone() for name, bias in machine.base().items()}
    weights = {f"{a}_{b}_weight": torch.zeros_like(getattr(machine, f"{a}_{b}_weight")) for a, b in machine.couplings}
    return biases | weights


def start(machine: Any, slots: int) -> Trajectory:
    """Every slot holds the base rates."""
    base = machine.base()
    log_partition = torch.stack([machine.units[name].cumulant(b).double().sum() for name, b in base.items()]).sum()
    one = torch.ones_like(log_partition)
    return Trajectory(
        filled=torch.ones_like(one, dtype=torch.long),
        levels=log_partition.expand(slots + 1).clone(),
        seen=one.expand(slots).clone() * MOVING,
        acceptance=one,
        clock=torch.zeros_like(one, dtype=torch.long),
    )


def energies(rungs: list[Any], replicas: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Energy of each replica `(chain, rung)` on its own rung, on the next one and on the one before.

    At the ends of the ladder, where there is no such rung, it is the replica's own energy.
    """
    last, own, up, down = len(rungs) - 1, [], [], []
    for r, rung in enumerate(rungs):
        near = range(max(r - 1, 0), min(r + 1, last) + 1)
        states = {name: s[:, near.start : near.stop].flatten(0, 1) for name, s in replicas.items()}
        found = rung.reduced_energy(states)[0].unflatten(0, (-1, len(near)))
        own.append(found[:, r - near.start])
        if r > 0:
            up.append(found[:, 0])
        if r < last:
            down.append(found[:, -1])
    return torch.stack(own, 1), torch.stack([*up, own[-1]], 1), torch.stack([own[0], *down], 1)


def measured(
    trajectory: Trajectory,
    own: Float[Tensor, "chain rung"],
    up: Float[Tensor, "chain rung"],
    down: Float[Tensor, "chain rung"],
    acceptance: Float[Tensor, ""],
) -> Trajectory:
    r"""One step of a running Bennett ratio for :math:`\Delta_r = \ln Z_{r+1} - \ln Z_r`.

    .. math::

        \Delta_r \leftarrow \Delta_r + \gamma_r \frac{
            \langle \sigma(w^f - \Delta_r) \rangle - \langle \sigma(w^b + \Delta_r) \rangle}
            {\langle \sigma' (w^f - \Delta_r) \rangle + \langle \sigma' (w^b + \Delta_r) \rangle}, \qquad
        w^f = F_r(s_r) - F_{r+1}(s_r), \quad w^b = F_{r+1}(s_{r+1}) - F_r(s_{r+1})

    The gain :math:`\gamma_r` is one over the number of steps between snapshots, which stay put, and constant where the
    machine moves.
    """
    gap = trajectory.levels.diff()
    forward = (own[:, :-1] - up[:, :-1]).double() - gap
    back = (own[:, 1:] - down[:, 1:]).double() + gap
    a, b = forward.sigmoid(), back.sigmoid()
    curvature = (a * (1 - a)).mean(0) + (b * (1 - b)).mean(0)
    newton = ((a.mean(0) - b.mean(0)) / curvature.clamp(min=LEAST)).clamp(-5, 5)
    gap = gap + newton / (trajectory.seen + 1)
    levels = torch.cat((trajectory.levels[:1], trajectory.levels[0] + gap.cumsum(0)))
    moving = torch.arange(len(gap), device=gap.device) == len(gap) - 1
    seen = torch.where(moving, trajectory.seen, trajectory.seen + 1)
    recent = trajectory.acceptance + (acceptance - trajectory.acceptance) / MEMORY
    return trajectory._replace(levels=levels, seen=seen, acceptance=recent, clock=trajectory.clock + 1)


def extended(trajectory: Trajectory, target: float) -> tuple[Int[Tensor, " slot"], Trajectory]:
    """Which rung each slot takes its snapshot from, and the trajectory then: one longer where acceptance fell short.

    A full ladder keeps its first, its newest and every second one in between.
    """
    slots = len(trajectory.seen)
    slot = torch.arange(slots, device=trajectory.levels.device)
    due, full = trajectory.acceptance < target, trajectory.filled >= slots
    stay = torch.where(full, (2 * slot).clamp(max=slots - 1), slot)
    number = torch.where(full, slots // 2 + 1, trajectory.filled)
    index = torch.where(due, torch.where(slot < number, stay, slots), slot)
    levels = trajectory.levels[torch.cat((index, index.new_full((1,), slots)))]
    fresh = due & (full | (slot >= number - 1))
    return index, trajectory._replace(
        filled=torch.where(due, number + 1, trajectory.filled),
        levels=levels,
        seen=torch.where(fresh, MOVING, trajectory.seen),
        acceptance=torch.where(due, torch.ones_like(trajectory.acceptance), trajectory.acceptance),
    )
