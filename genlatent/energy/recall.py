r"""Patterns stored in a fully visible machine, and found again from corrupted ones.

.. math:: W_{ij} = \frac1n \sum_\mu \xi^\mu_i \xi^\mu_j, \qquad \xi^\mu_i = \pm 1

References:
    Neural networks and physical systems with emergent collective computational abilities (Hopfield, 1982)
"""

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.energy.layers import Layers
from genlatent.energy.layout import Theta
from genlatent.errors import Unsupported


def hebbian(machine: Layers, patterns: Float[Tensor, "patterns units"]) -> Theta:
    r"""Biases and couplings that store the patterns, as in a machine of spins :math:`\xi = (2s - h - l) / (h - l)`.

    Args:
        machine: its data layer is coupled within itself and its units have two values l < h.
        patterns: states of the data layer.
    """
    values = machine.units[machine.data].values
    if values is None or len(values) != 2:
        raise Unsupported("Hebb's rule is written for units of two values")
    low, high = min(values), max(values)
    slope, shift = 2 / (high - low), -(high + low) / (high - low)
    xi, pair, theta = slope * patterns + shift, (machine.data, machine.data), machine.theta()
    J = xi.mT @ xi / xi.shape[1] * theta.masks[pair]
    bias = slope * shift * J.sum(1)
    return theta._replace(biases={machine.data: bias}, couplings={pair: slope**2 * J})


def descend(machine: Layers, v: Float[Tensor, "batch units"], most: int = 100) -> Float[Tensor, "batch units"]:
    """Each site in turn takes the state of least energy given the others, until none moves: temperature 0.

    A site whose states are equally good stays as it is, so that the energy falls with every move and the end is a
    local minimum.

    Args:
        machine: a single layer of units whose states can be listed.
        v: where to start.
        most: sweeps at most.
    """
    unit, s = machine.units[machine.data], v.clone()
    theta = machine.theta()
    W, b = theta.couplings[machine.data, machine.data], theta.biases[machine.data]
    table = torch.tensor(unit.alternatives or (), dtype=s.dtype, device=s.device)
    for _ in range(most):
        before = s.clone()
        for at in (slice(i, i + unit.width) for i in range(0, s.shape[1], unit.width)):
            f = b[at] + s @ W[:, at]
            best, choice = (f @ table.mT).max(1)
            better = best > (f * s[:, at]).sum(1)
            s[:, at] = torch.where(better.unsqueeze(1), table[choice], s[:, at])
        if torch.equal(s, before):
            break
    return s
