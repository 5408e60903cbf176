"""Pseudo-likelihood: how well each site is told from all the others."""

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.energy.layers import Layers
from genlatent.energy.layout import Theta
from genlatent.energy.units import softplus
from genlatent.errors import RecipeError, Unsupported

CHUNK = 2**21  # numbers held at a time


def pseudo_likelihood(
    machine: Layers, v: Float[Tensor, "batch visible"], every: int = 1, theta: Theta | None = None
) -> Float[Tensor, " batch"]:
    r"""Sum over sites of the log-probability of each given the others, hidden units summed out.

    Without hidden layers :math:`\log p(v_i \mid v_{-i}) = f_i v_i - U(v_i) - K(f_i)` for units of every kind, and one
    product gives the fields of all sites.

    With hidden layers, :math:`v_i` changed to its other value, a step of :math:`\delta_i`, makes the fields
    :math:`g` of the hidden units :math:`g + \delta_i W_{i:}`, so

    .. math::

        \log p(v_i \mid v_{-i}) = -\log\bigl(1 + e^{D_i}\bigr), \qquad
        D_i = \delta_i f_i + \sum_j K(g_j + \delta_i W_{ij}) - K(g_j)

    where :math:`f_i` comes from the biases and the other visible units.

    Args:
        machine: hidden layers, if any, are not coupled to each other, and data units have two values then.
        v: states of the data layer.
        every: look at every n-th site only, each row starting one site further, and count each n times over.
        theta: other parameters than the machine's own.

    References:
        Statistical analysis of non-lattice data (Besag, 1975)
    """
    if not 1 <= every <= v.shape[1]:
        raise RecipeError(f"every must lie between 1 and {v.shape[1]}, got {every}")
    theta = theta or machine.theta()
    if len(machine.layers) == 1:
        return _of_visible(machine, v, theta)
    _check(machine)
    out = torch.empty_like(v[:, 0])
    for first in range(every):
        rows = v[first::every]
        parts = [_of_sites(machine, part, slice(first, None, every), theta) for part in _chunks(machine, rows, every)]
        out[first::every] = torch.cat(parts) if parts else 0
    return out


def _of_visible(machine: Layers, v: Tensor, theta: Theta) -> Tensor:
    unit, state = machine.units[machine.data], {machine.data: v}
    field = machine.field(machine.data, state, theta=theta)
    return (field * v).sum(1) - unit.base_energy(v) - unit.cumulant(field).sum(1)


def _of_sites(machine: Layers, v: Tensor, sites: slice, theta: Theta) -> Tensor:
    """The sum over some sites, scaled up to all of them."""
    state = {machine.data: v}
    step = sum(machine.units[machine.data].values or ()) - 2 * v[:, sites]
    change = step * machine.field(machine.data, state, theta=theta)[..., sites]
    for hidden, W in _couplings(machine, theta):
        unit = machine.units[hidden]
        field = machine.field(hidden, state, theta=theta).unsqueeze(1)
        changed = unit.cumulant(field + step.unsqueeze(2) * W[sites])
        change = change + (changed - unit.cumulant(field)).sum(2)
    return -softplus(change).mean(1) * v.shape[1]


def _chunks(machine: Layers, rows: Tensor, every: int) -> tuple[Tensor, ...]:
    """Rows to treat together."""
    cost = -(-rows.shape[1] // every) * (sum(machine.sizes.values()) - rows.shape[1])
    return rows.split(max(CHUNK // cost, 1)) if len(rows) else ()


def _check(machine: Layers) -> None:
    values = machine.units[machine.data].values
    if values is None or len(values) != 2:
        raise Unsupported("beside hidden layers, pseudo-likelihood is written for data units of two values")
    if any(machine.data not in pair for pair in machine.couplings):
        raise Unsupported("pseudo-likelihood is written for hidden layers that are coupled to the data only")


def _couplings(machine: Layers, theta: Theta) -> list[tuple[str, Tensor]]:
    """The layers coupled to the data, each with its couplings as (data, other)."""
    below = [(b, w) for (a, b), w in theta.couplings.items() if a == machine.data != b]
    return below + [(a, w.mT) for (a, b), w in theta.couplings.items() if b == machine.data != a]
