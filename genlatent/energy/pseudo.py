"""Pseudo-likelihood: how well each unit is told from all the others."""

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.energy.machine import BoltzmannMachine
from genlatent.energy.units import softplus
from genlatent.errors import RecipeError, Unsupported

CHUNK = 2**21  # numbers held at a time


def pseudo_likelihood(
    machine: BoltzmannMachine, v: Float[Tensor, "batch visible"], every: int = 1
) -> Float[Tensor, " batch"]:
    r"""Sum over sites of the log-probability of each given the others, hidden units summed out.

    With :math:`v_i` changed to its other value, a step of :math:`\delta_i`, the fields :math:`f` of the hidden units
    become :math:`f + \delta_i W_{i:}`, so

    .. math::

        \log p(v_i \mid v_{-i}) = -\log\bigl(1 + e^{D_i}\bigr), \qquad
        D_i = \delta_i b_i + \sum_j K(f_j + \delta_i W_{ij}) - K(f_j)

    Args:
        machine: a data layer of two-valued units, coupled to one other layer.
        v: states of the data layer.
        every: look at every n-th site only, each row starting one site further, and count each n times over.
    """
    if not 1 <= every <= v.shape[1]:
        raise RecipeError(f"every must lie between 1 and {v.shape[1]}, got {every}")
    _check(machine)
    out = torch.empty_like(v[:, 0])
    for first in range(every):
        rows = v[first::every]
        parts = [_of_sites(machine, part, slice(first, None, every)) for part in _chunks(machine, rows, every)]
        out[first::every] = torch.cat(parts) if parts else 0
    return out


def _of_sites(machine: BoltzmannMachine, v: Tensor, sites: slice) -> Tensor:
    """The sum over some sites, scaled up to all of them."""
    hidden, W = _coupling(machine)
    unit, b = machine.units[hidden], machine.theta().biases[machine.data]
    step = sum(machine.units[machine.data].values or ()) - 2 * v[:, sites]
    field = machine.field(hidden, {machine.data: v}).unsqueeze(1)
    change = (unit.cumulant(field + step.unsqueeze(2) * W[sites]) - unit.cumulant(field)).sum(2)
    return -softplus(step * b[sites] + change).mean(1) * v.shape[1]


def _chunks(machine: BoltzmannMachine, rows: Tensor, every: int) -> tuple[Tensor, ...]:
    """Rows to treat together."""
    cost = -(-rows.shape[1] // every) * (sum(machine.sizes.values()) - rows.shape[1])
    return rows.split(max(CHUNK // cost, 1)) if len(rows) else ()


def _check(machine: BoltzmannMachine) -> None:
    values = machine.units[machine.data].values
    if values is None or len(values) != 2:
        raise Unsupported("pseudo-likelihood is written for data units of two values")
    if len(machine.couplings) != 1:
        raise Unsupported("pseudo-likelihood is written for a data layer coupled to one hidden layer")


def _coupling(machine: BoltzmannMachine) -> tuple[str, Tensor]:
    """The one layer coupled to the data, and the couplings as (data, other)."""
    (((a, b), w),) = machine.theta().couplings.items()
    return (b, w) if a == machine.data else (a, w.mT)
