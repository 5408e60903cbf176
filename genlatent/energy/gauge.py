r"""Fixing the freedom of categorical units: what is added to all states of a site changes no probability."""

import torch
from torch import Tensor

from genlatent.energy.layers import Layers
from genlatent.errors import Unsupported


@torch.no_grad()
def fix_gauge(machine: Layers) -> None:
    r"""Bring a machine to the zero-sum gauge: over the states of a site, biases and couplings sum to 0.

    Each site of a layer k has exactly one unit on, :math:`\sum_a s_{ia} = 1`, so what all its states have in common
    can be carried to the other layer's biases, and out of its own biases into the constant that ln Z takes up:

    .. math::

        b_{mu} \leftarrow b_{mu} + \sum_i \bar W_{i \cdot, u}, \quad
        W_{ia,u} \leftarrow W_{ia,u} - \bar W_{i \cdot, u}, \quad
        b_{ia} \leftarrow b_{ia} - \bar b_{i \cdot}

    Every probability stays what it is, at every temperature; energies are shifted by a constant. Machines without
    categorical units are left alone.

    References:
        Improved contact prediction in proteins: using pseudolikelihoods to infer Potts models (Ekeberg et al., 2013)

    >>> from genlatent.energy.rbm import RBM
    >>> from genlatent.energy.units import Categorical
    >>> machine = RBM((2, 3), 4, visible_units=Categorical(3))
    >>> fix_gauge(machine)
    >>> bool(machine.W.reshape(2, 3, 4).sum(1).abs().max() < 1e-6)
    True
    """
    theta = machine.theta()
    for (a, b), w in theta.couplings.items():
        _refuse_ragged(machine, (a, b), theta.masks.get((a, b)))
        w, to_b = _without_common(w, machine.units[a].width)
        turned, to_a = _without_common(w.mT, machine.units[b].width)
        getattr(machine, f"{a}_{b}_weight").copy_(turned.mT)
        getattr(machine, f"{b}_bias").add_(to_b)
        if a != b:  # within a layer both carry the same to the same biases, and each counts half
            getattr(machine, f"{a}_bias").add_(to_a)
    for name in machine.layers:
        bias = getattr(machine, f"{name}_bias")
        bias.copy_(_without_common(bias.unsqueeze(1), machine.units[name].width)[0].squeeze(1))


def _without_common(w: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Rows of w less what the rows of each site have in common, and the sum over sites of that."""
    if width == 1:
        return w, torch.zeros_like(w[0])
    common = w.unflatten(0, (-1, width)).mean(1)
    return w - common.repeat_interleave(width, 0), common.sum(0)


def _refuse_ragged(machine: Layers, pair: tuple[str, str], mask: Tensor | None) -> None:
    """Refuse a mask that couples only some states of a site."""
    if mask is None:
        return
    for side, name in enumerate(pair):
        states = mask.movedim(side, 0).unflatten(0, (-1, machine.units[name].width))
        if bool((states != states[:, :1]).any()):
            raise Unsupported(f"the mask of {pair} couples some states of a site of {name} only, so its gauge is fixed")
