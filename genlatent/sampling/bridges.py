"""The energy of states at many (beta, lambda), for the price of one product with the couplings."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Bridge(NamedTuple):
    r"""What the energy of each state is made of.

    .. math::

        E_{\beta\lambda}(s) = U(s) - \beta [\lambda A(s) + (1 - \lambda) B(s)]
                            - \sum_l K\bigl(\beta [\lambda f_l(s) + (1 - \lambda) a_l]\bigr)

    with the base energy U of the kept layers, what the machine (A) and its base rates (B) make of them, and the fields
    f of the layers that are summed out.
    """

    own: Float[Tensor, " row"]
    inner: Float[Tensor, " row"]
    base: Float[Tensor, " row"]
    fields: dict[str, Tensor]

    def energy(self, machine: Any, beta: Float[Tensor, " row"], lam: Float[Tensor, " row"]) -> Float[Tensor, " row"]:
        """The energy of each state at its row's beta and lambda."""
        total = self.own - beta * (lam * self.inner + (1 - lam) * self.base)
        for name, field in self.fields.items():
            mixed = lam.unsqueeze(1) * field + (1 - lam.unsqueeze(1)) * machine.base()[name]
            total = total - machine.units[name].cumulant(beta.unsqueeze(1) * mixed).sum(-1)
        return total


def bridge(machine: Any, state: Mapping[str, Tensor], summed: tuple[str, ...] = (), theta: Any = None) -> Bridge:
    """Joint states as seen by every (beta, lambda); the layers in `summed` are summed out, whatever they hold."""
    kept = {name: s for name, s in state.items() if name not in summed}
    own = torch.stack([machine.units[name].base_energy(s) for name, s in kept.items()]).sum(0)
    base = torch.stack([s @ machine.base()[name] for name, s in kept.items()]).sum(0)
    if not summed:
        return Bridge(own, own - machine.energy(kept, theta=theta), base, {})
    energy, fields = machine.reduced_energy(kept, theta=theta)
    closed = torch.stack([machine.units[name].cumulant(field).sum(-1) for name, field in fields.items()]).sum(0)
    return Bridge(own, own - energy - closed, base, fields)


def summed_layers(machine: Any, given: Mapping[str, Tensor]) -> tuple[str, ...]:
    """The layers that a sweep draws first and that have a closed sum, unless some of their units are held fixed.

    Since a sweep begins with them, what they hold before it does not matter, and moves between sweeps may sum them out.
    """
    summed = machine.summed
    first = set(summed) <= set(machine.blocks[0])
    return summed if first and not any(name in given for name in summed) else ()
