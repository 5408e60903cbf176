r"""What mean-field inference says of a machine: a bound on the likelihood, and a pseudo-likelihood made from it.

.. math:: \log p(v) \ge -F_q(v) - \log Z, \qquad F_q(v) = \langle E(v, h) \rangle_q - H(q)
"""

import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.energy.machine import BoltzmannMachine
from genlatent.energy.units import softplus
from genlatent.errors import RecipeError, Unsupported
from genlatent.sampling.mean_field import MeanField, mean_field, settled, variational_free_energy

TOLERANCE = 1e-5
ROWS = 2000  # inferred at a time, so that rows which settle early do not wait for many others
CHUNK = 2**22  # numbers held at a time
SWEEPS = 5  # of a row with one unit changed, from where the row itself had settled


def posterior(machine: BoltzmannMachine, v: Float[Tensor, "batch visible"]) -> MeanField:
    """The factorised distribution of the hidden layers given rows of data, settled to `TOLERANCE`."""
    return settled(machine, machine.clamped(v), tolerance=TOLERANCE)


def free_energy(machine: BoltzmannMachine, v: Float[Tensor, "batch visible"]) -> Float[Tensor, " batch"]:
    """:math:`F_q(v)`: the free energy itself where no two hidden layers are coupled, above it elsewhere."""
    parts = [variational_free_energy(machine, machine.clamped(x), posterior(machine, x)) for x in v.split(ROWS)]
    return torch.cat(parts)


def bound(machine: BoltzmannMachine, v: Float[Tensor, "batch visible"]) -> Float[Tensor, " batch"]:
    """:math:`-F_q(v) - \\log Z` in nats, where ln Z can be had by listing states."""
    return -free_energy(machine, v) - machine.log_partition_exact()


def pseudo_likelihood(
    machine: BoltzmannMachine, v: Float[Tensor, "batch visible"], every: int = 1
) -> Float[Tensor, " batch"]:
    r"""Sum over sites of :math:`\log p(v_i \mid v_{-i})`, with the variational free energy for the exact one.

    .. math:: \log p(v_i \mid v_{-i}) \approx -\log\bigl(1 + e^{F_q(v) - F_q(v^{(i)})}\bigr)

    where :math:`v^{(i)}` is :math:`v` with unit i changed. A difference of two bounds is no bound: it serves to follow
    a training, and to compare machines of one shape.

    Args:
        machine: data units of two values.
        v: states of the data layer.
        every: look at every n-th site only, each row starting one site further, and count each n times over.
    """
    if not 1 <= every <= v.shape[1]:
        raise RecipeError(f"every must lie between 1 and {v.shape[1]}, got {every}")
    values = machine.units[machine.data].values
    if values is None or len(values) != 2:
        raise Unsupported("pseudo-likelihood is written for data units of two values")
    out = torch.empty_like(v[:, 0])
    for first in range(every):
        sites = torch.arange(first, v.shape[1], every, device=v.device)
        rows = max(CHUNK // (len(sites) * sum(machine.sizes.values())), 1)
        parts = [_of_sites(machine, part, sites, sum(values)) for part in v[first::every].split(rows)]
        out[first::every] = torch.cat(parts) if parts else 0
    return out


def _of_sites(machine: BoltzmannMachine, v: Tensor, sites: Tensor, total: float) -> Tensor:
    """The sum over some sites, scaled up to all of them."""
    if not len(v):
        return v.new_zeros(0)
    q = mean_field(machine, machine.clamped(v), 2 * SWEEPS)
    own = variational_free_energy(machine, machine.clamped(v), q)
    changed = v.repeat_interleave(len(sites), 0).unflatten(0, (len(v), len(sites)))
    place = sites.view(1, -1, 1).expand(len(v), -1, 1)
    changed = changed.scatter(2, place, total - changed.gather(2, place)).flatten(0, 1)
    start = {name: f.repeat_interleave(len(sites), 0) for name, f in q.fields.items()}
    near = mean_field(machine, machine.clamped(changed), SWEEPS, start=start)
    other = variational_free_energy(machine, machine.clamped(changed), near).view(len(v), -1)
    return -softplus(own.unsqueeze(1) - other).mean(1) * v.shape[1]
