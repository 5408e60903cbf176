r"""Mean-field inference: sweeps over the layers as in Gibbs sampling, with means in the place of draws.

.. math::

    q(h) = \prod_i e^{f_i h_i - U(h_i) - K(f_i)}, \qquad
    F_q = \langle E \rangle_q - H(q) \ge -\log \sum_h e^{-E}
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

DAMPING = 0.5  # share of the old field that a layer coupled within itself keeps in a sweep


class MeanField(NamedTuple):
    """A factorised distribution over the layers that are not given."""

    means: dict[str, Tensor]  # layer name -> (row, units)
    fields: dict[str, Tensor]  # the fields under which the units have these means
    change: Tensor  # (row,) largest change of a mean in the last sweep


def mean_field(
    machine: Any,
    given: Mapping[str, Tensor],
    sweeps: int,
    *,
    start: Mapping[str, Tensor] | None = None,
    damping: float = DAMPING,
) -> MeanField:
    r"""Repeat :math:`m_l = K'(f_l(m))` block by block; outside of layers coupled within themselves each update
    lowers :math:`F_q`.

    Layers of a block are not coupled to each other and are updated at once, odd and even layers of a deep machine in
    turn. A layer coupled within itself is updated at once too, and keeps a share of its old field.

    Args:
        machine: layers, blocks, offsets and `field(layer, state, theta=)`.
        given: rows of the layers that are held fixed.
        sweeps: how many; a fixed number, so that the updates can be traced.
        start: fields to start from; those of the machine's offsets unless given.
        damping: share of the old field that a layer coupled within itself keeps.

    References:
        Deep Boltzmann Machines (Salakhutdinov and Hinton, 2009)
    """
    order = [name for block in machine.blocks for name in block if name not in given]
    keeps = {name: damping if (name, name) in machine.couplings else 0.0 for name in order}
    clamped = _clamped(machine, given, order)
    fields = _first(machine, given, order, start)
    means = before = {name: machine.units[name].mean(f) for name, f in fields.items()}
    for _ in range(sweeps):
        before = dict(means)
        for name in order:
            new = machine.field(name, means, theta=clamped)
            fields[name] = torch.lerp(new, fields[name], keeps[name]) if keeps[name] else new
            means[name] = machine.units[name].mean(fields[name])
    moved = [(means[name] - before[name]).abs().amax(1) for name in order]
    return MeanField(means, fields, torch.stack(moved).amax(0))


def settled(
    machine: Any,
    given: Mapping[str, Tensor],
    *,
    tolerance: float = 1e-4,
    most: int = 1000,
    damping: float = DAMPING,
    start: Mapping[str, Tensor] | None = None,
) -> MeanField:
    """Sweeps until no mean changes by more than the tolerance, or there were `most` of them; `change` tells which.

    Args:
        machine, given, damping, start: as in :func:`mean_field`.
        tolerance: largest change of a mean in a sweep.
        most: sweeps at most.
    """
    found = mean_field(machine, given, 1, start=start, damping=damping)
    done, part = 1, 4
    while done < most and bool((found.change > tolerance).any()):
        part = min(2 * part, most - done)
        found = mean_field(machine, given, part, start=found.fields, damping=damping)
        done += part
    return found


def variational_free_energy(machine: Any, given: Mapping[str, Tensor], q: MeanField, theta: Any = None) -> Tensor:
    r""":math:`F_q` of each row, the machine's summed layers taken as they are best, given the others' means.

    With :math:`K(f) - f m` for each free unit the base energies cancel,

    .. math:: F_q = U(v) - \sum_{kl} m_k^\top W_{kl} m_l - \sum_l b_l^\top m_l - \sum_i [K(f_i) - f_i m_i]

    (:math:`m = v` in the given layers), so it holds for units of any kind.
    """
    kept = {name: mean for name, mean in q.means.items() if name not in machine.summed}
    energy, _ = machine.reduced_energy({**given, **kept}, theta=theta)
    return energy - spread(machine, q, tuple(kept))


def spread(machine: Any, q: MeanField, layers: tuple[str, ...]) -> Tensor | float:
    r""":math:`\sum_i U(m_i) + K(f_i) - f_i m_i` over some layers: what an energy at the means leaves out."""
    parts = []
    for name in layers:
        unit, m, f = machine.units[name], q.means[name], q.fields[name]
        parts.append(unit.base_energy(m) + unit.cumulant(f).sum(-1) - (f * m).sum(-1))
    return torch.stack(parts).sum(0) if parts else 0.0


def _first(
    machine: Any, given: Mapping[str, Tensor], order: list[str], start: Mapping[str, Tensor] | None
) -> dict[str, Tensor]:
    if start is not None:
        return {name: start[name] for name in order}
    rows, offsets = len(next(iter(given.values()))), machine.offsets()
    return {name: machine.units[name].link(offsets[name]).expand(rows, -1) for name in order}


def _clamped(machine: Any, given: Mapping[str, Tensor], order: list[str]) -> Any:
    """Parameters in which what is given has become a part of the biases."""
    return machine.theta()._replace(biases={name: machine.field(name, given) for name in order})
