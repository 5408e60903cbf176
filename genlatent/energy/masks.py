"""Which units of two layers are coupled: lattices, lists of edges, tables; and which of them are drawn at once."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from genlatent.components import Component
from genlatent.errors import RecipeError


class Mask(Component):
    """Says which pairs of sites are coupled."""

    def __call__(self, rows: int, columns: int) -> Tensor:
        """Whether each pair of sites is coupled, `(rows, columns)`."""
        raise NotImplementedError


class Lattice(Mask):
    """Nearest neighbours on a grid of any dimension.

    Args:
        shape: sites along each axis.
        periodic: whether the grid closes on itself, as a torus.

    >>> Lattice((2, 3), periodic=False)(6, 6).sum(1).tolist()
    [2, 3, 2, 2, 3, 2]
    """

    def __init__(self, shape: Sequence[int], periodic: bool = True):
        if min(shape, default=0) < 1:
            raise RecipeError(f"a lattice needs at least 1 site along each axis, got {tuple(shape)}")
        self.shape = tuple(shape)
        self.periodic = periodic

    def __call__(self, rows: int, columns: int) -> Tensor:
        """Whether each pair of sites is coupled, `(rows, columns)`."""
        sites = math.prod(self.shape)
        if not rows == columns == sites:
            raise RecipeError(f"a lattice {self.shape} has {sites} sites, the layer has {rows}")
        number = torch.arange(sites).reshape(self.shape)
        coupled = torch.zeros(sites, sites, dtype=torch.bool)
        for axis, length in enumerate(self.shape):
            last = length if self.periodic else length - 1
            coupled[number.narrow(axis, 0, last), number.roll(-1, axis).narrow(axis, 0, last)] = True
        return coupled | coupled.T


class Edges(Mask):
    """The listed pairs of sites and no others.

    Args:
        edges: pairs `(site of the first layer, site of the second)`; within one layer, in either order.

    >>> Edges([(0, 2)])(3, 3).int().tolist()
    [[0, 0, 1], [0, 0, 0], [0, 0, 0]]
    """

    def __init__(self, edges: Sequence[Sequence[int]]):
        self.edges = tuple((int(i), int(j)) for i, j in edges)

    def __call__(self, rows: int, columns: int) -> Tensor:
        """Whether each pair of sites is coupled, `(rows, columns)`."""
        coupled = torch.zeros(rows, columns, dtype=torch.bool)
        for i, j in self.edges:
            if not (0 <= i < rows and 0 <= j < columns):
                raise RecipeError(f"edge {(i, j)} names no pair of sites; there are {rows} and {columns}")
            coupled[i, j] = True
        return coupled


def check_names(masks: Mapping[str, Any], couplings: Sequence[tuple[str, str]]) -> None:
    """Refuse a mask for layers that are not coupled."""
    known = [f"{a}_{b}" for a, b in couplings]
    for name in masks:
        if name not in known:
            raise RecipeError(f"mask {name!r} belongs to no coupling; there are masks for: {', '.join(known)}")


def between(name: str, mask: Any, sizes: tuple[int, int], widths: tuple[int, int], within: bool) -> Tensor | None:
    """1 where two units may be coupled and 0 elsewhere; None where all are.

    Args:
        name: of the coupling, for errors.
        mask: a component such as :class:`Lattice`, a table over pairs of sites, or None.
        sizes: units of the two layers.
        widths: numbers that one site of each layer takes.
        within: the two are one layer, where no site is coupled with itself.
    """
    sites = (sizes[0] // widths[0], sizes[1] // widths[1])
    if mask is None and not within:
        return None
    coupled = torch.ones(sites, dtype=torch.bool) if mask is None else _table(name, mask, sites)
    if within:
        coupled = (coupled | coupled.T) & ~torch.eye(sites[0], dtype=torch.bool)
    return coupled.repeat_interleave(widths[0], 0).repeat_interleave(widths[1], 1).to(torch.get_default_dtype())


def _table(name: str, mask: Any, sites: tuple[int, int]) -> Tensor:
    coupled = mask(*sites) if isinstance(mask, Mask) else torch.as_tensor(mask) != 0
    if coupled.shape != sites:
        raise RecipeError(f"mask {name} has shape {tuple(coupled.shape)}, the layers have {sites} sites")
    return coupled


def colours(mask: Tensor, width: int = 1) -> tuple[tuple[int, ...], ...]:
    """Sites in groups of which no two are coupled, each site in the first group that it can join.

    >>> colours(Lattice((2, 3), periodic=False)(6, 6))
    ((0, 2, 4), (1, 3, 5))
    """
    coupled = mask[::width, ::width] != 0
    neighbours = [set(row.nonzero().flatten().tolist()) for row in coupled]
    groups: list[list[int]] = []
    number: dict[int, int] = {}
    for site, near in enumerate(neighbours):
        taken = {number[other] for other in near if other in number}
        number[site] = next(n for n in range(len(groups) + 1) if n not in taken)
        if number[site] == len(groups):
            groups.append([])
        groups[number[site]].append(site)
    return tuple(tuple(group) for group in groups)
