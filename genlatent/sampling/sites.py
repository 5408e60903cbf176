"""Gibbs sampling of a layer whose units are coupled with each other, site by site; the same in place: `SiteSweep`."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

FEW = 4  # groups of at least so many sites on average are worth drawing together


def grouped(colours: Sequence[Sequence[int]]) -> bool:
    """Whether the graph is so sparse that groups of sites are drawn at once; one after the other elsewhere."""
    return FEW * len(colours) <= sum(map(len, colours))


def step(
    machine: Any,
    name: str,
    layers: dict[str, Tensor],
    beta: Tensor | None = None,
    lam: Tensor | None = None,
    given: Tensor | None = None,
    generator: torch.Generator | None = None,
    backwards: bool = False,
) -> Tensor:
    """New states of a layer, every site drawn once given all others; nothing is overwritten."""
    width, colours = machine.units[name].width, machine.colours[name]
    theta, others = machine.theta(), {other: s for other, s in layers.items() if other != name}
    W, outside = theta.couplings[name, name], machine.field(name, others, theta=theta)
    places: list[Any] = [slice(i * width, (i + 1) * width) for i in range(sum(map(len, colours)))]
    if grouped(colours):
        places = [units_of(group, width, W.device) for group in colours]
    s = layers[name].clone()
    for at in places[::-1] if backwards else places:
        field = outside[..., at] + s @ W[:, at]
        if lam is not None:
            field = lam.unsqueeze(-1) * field + (1 - lam.unsqueeze(-1)) * machine.base()[name][at]
        drawn = machine.units[name].sample(field if beta is None else beta.unsqueeze(-1) * field, generator)
        s[:, at] = drawn if given is None else torch.where(given[:, at].isnan(), drawn, given[:, at])
    return s


def units_of(sites: Sequence[int], width: int, device: torch.device) -> Tensor:
    """The units that make up some sites."""
    first = torch.tensor(sites, device=device) * width
    return (first.unsqueeze(1) + torch.arange(width, device=device)).flatten()
