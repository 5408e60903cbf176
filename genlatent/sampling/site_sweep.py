"""Site-wise Gibbs sweeps in place: the same updates as `sites.step`, at the price of about one matrix product."""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlatent.sampling.sites import grouped, units_of
from genlatent.sampling.turns import PAYS_BACK, Turns
from genlatent.sampling.uniform import Uniform

BLOCK = 64  # sites whose fields are made by one product
NEAR = 64  # a layer at least so many times wider than its sites have neighbours is summed neighbour by neighbour

Outside = Sequence[tuple[Tensor, Tensor]]  # layers coupled to this one, each with the matrix that carries it here


class Block(NamedTuple):
    """Sites between two products; its rows are scaled by the step of two-valued units."""

    index: Tensor  # (rows,) units of the layer
    place: slice  # of its rows among those of all blocks
    weight: Tensor  # (rows, units + 1) what the whole layer, as it was, sends there, and the bias
    later: Tensor  # (rows, rows) what each of its sites, drawn anew, sends to those after it; nothing where none does
    bias: Tensor  # (rows, 1)
    base: Tensor  # (rows, 1)
    near: list[tuple[Tensor, Tensor]]  # neighbour and weight (rows, 1) of each row, where there are few
    drawn: Tensor  # (rows, chain) new states; the layer's own rows where these lie side by side
    inside: bool  # whether they do


class SiteSweep:
    r"""The sites of one layer, drawn in place one after another, for many chains at once.

    States lie in rows, a site each, so that a site's chains are contiguous. A block of sites gets its fields from
    the whole layer by one product, with the couplings from each site to later ones of its block left out; as each is
    drawn, its new state is added to their fields. A sweep thus costs one product of the layer with its couplings, and
    a few passes over memory in the cache. Where the graph is sparse, a block is a group of sites that do not touch.

    Units of two values :math:`x = l + d b` are drawn without any function of their field:

    .. math:: b = 1 \quad\text{where}\quad \frac{\operatorname{logit} u - \beta (1 - \lambda) d a}{\beta \lambda} < d f

    Args:
        machine: `units`, `colours`, `base()`.
        name: the layer.
        s: its states, `(chain, units)`.
        theta: the machine's parameters.
        given: values held fixed, `(1 or chain, units)`, NaN for those drawn.
        beta: inverse temperature of each chain.
        lam: share of the machine for each chain.
        uniform: the random stream.
        backwards: the last site first, which reverses a sweep in time, as annealing back needs it.
    """

    def __init__(
        self,
        machine: Any,
        name: str,
        s: Tensor,
        theta: Any,
        given: Tensor | None,
        beta: Tensor | None,
        lam: Tensor | None,
        uniform: Uniform,
        backwards: bool = False,
    ):
        self._backwards = backwards
        self._unit, self._uniform = machine.units[name], uniform
        low, *high = self._unit.values or (0.0,)
        self._two = len(high) == 1
        self._low, self._step = (low, high[0] - low) if self._two else (0.0, 1.0)
        self._ending = torch.cat((s.detach().mT, s.new_ones(1, len(s))))  # the ones carry the biases
        self._rows = self._ending[:-1]
        self.state = self._rows.mT
        self._given = None if given is None else given.mT
        self.aim(beta, lam)
        groups, self._together = self._groups(machine.colours[name])
        widest = max((len(group) for group in groups), default=0) * self._unit.width
        self._field, self._spare = (self._rows.new_empty(widest, len(s)) for _ in range(2))
        W, b, base = theta.couplings[name, name].detach(), theta.biases[name].detach(), machine.base()[name]
        indices = [units_of(group, self._unit.width, W.device) for group in groups]
        starts = list(itertools.accumulate(map(len, indices), initial=0))
        self.blocks = [self._block(index, start, W, b, base) for index, start in zip(indices, starts)]
        self._threshold = self._rows.new_empty(starts[-1] if self._two else 0, len(s))
        self._taken = 0  # turns so far
        self._turns = [self._turns_of(block) for block in self.blocks if self._two and not self._together]

    def aim(self, beta: Tensor | None, lam: Tensor | None) -> None:
        """From here on, draw at these."""
        self._scale = lam if beta is None else beta if lam is None else beta * lam
        self._rest = None if lam is None else (1 - lam) * (1.0 if beta is None else beta)

    def draw(self, outside: Outside) -> None:
        """Every site once."""
        if self._two:
            torch.logit(self._uniform.like(self._threshold, chains=1), out=self._threshold)
        for number, block in enumerate(self.blocks):
            field = self._fields(block, outside)
            if self._two:
                self._draw_two_valued(number, block, field)
            else:
                self._draw_sites(block, field)
            if not block.inside:
                self._rows.index_copy_(0, block.index, block.drawn)

    def _groups(self, colours: Sequence[Sequence[int]]) -> tuple[list[list[int]], bool]:
        """Sites of each block, without those that every chain is given; and whether a block is drawn at once."""
        free = {site for group in colours for site in group}
        if self._given is not None:
            free = set((self._given.isnan().any(1).nonzero().flatten() // self._unit.width).tolist())
        if grouped(colours):
            colours = colours[::-1] if self._backwards else colours
            groups = [[site for site in group if site in free] for group in colours]
            return [group for group in groups if group], True
        order = sorted(free, reverse=self._backwards)
        return [order[i : i + BLOCK] for i in range(0, len(order), BLOCK)], False

    def _block(self, index: Tensor, start: int, W: Tensor, bias: Tensor, base: Tensor) -> Block:
        weight, width = self._step * W[index], self._unit.width
        later = weight.new_zeros(0, 0)
        b, a = self._step * bias[index], self._step * base[index]
        if not self._together:
            site = torch.arange(len(index), device=index.device) // width
            later = weight[:, index] * (site.unsqueeze(1) > site)
            weight[:, index] -= later
            b = b + self._low * later.sum(1)
            later = self._step * later
        near = _near(weight) if self._together else []
        first, last = int(index[0]), int(index[-1])
        inside = last - first == len(index) - 1
        drawn = self._rows[first : last + 1] if inside else torch.empty_like(self._field[: len(index)])
        place = slice(start, start + len(index))
        weight = torch.cat((weight, b.unsqueeze(1)), 1)
        return Block(index, place, weight, later, b.unsqueeze(1), a.unsqueeze(1), near, drawn, inside)

    def _turns_of(self, block: Block) -> Turns:
        return Turns(self._field[: len(block.index)], self._threshold[block.place], block.drawn, block.later)

    def _fields(self, block: Block, outside: Outside) -> Tensor:
        field = self._field[: len(block.index)]
        if block.near:
            field.copy_(block.bias.expand_as(field))
            for neighbour, w in block.near:
                field.addcmul_(w, torch.index_select(self._rows, 0, neighbour, out=self._spare[: len(w)]))
        else:
            torch.mm(block.weight, self._ending, out=field)
        for s, w in outside:
            field.addmm_(w[:, block.index].mT, s.mT, alpha=self._step)
        return field

    def _draw_two_valued(self, number: int, block: Block, field: Tensor) -> None:
        threshold = self._threshold[block.place]
        if self._rest is not None:
            threshold.addcmul_(block.base, self._rest, value=-1)
        if self._scale is not None:
            threshold.div_(self._scale)  # by zero it is infinite, and the base rates decide
        if self._given is not None:
            self._force(self._given[block.index], threshold)
        if self._together:
            torch.gt(field, threshold, out=block.drawn)
        else:
            self._turns[number].take(self._taken > PAYS_BACK)
            self._taken += len(field)
        if (self._low, self._step) != (0.0, 1.0):
            block.drawn.mul_(self._step).add_(self._low)

    def _force(self, value: Tensor, threshold: Tensor) -> None:
        """Given values are drawn for sure."""
        sure = torch.where(value > self._low, -torch.inf, torch.inf).to(threshold.dtype)
        torch.where(value.isnan(), threshold, sure, out=threshold)

    def _draw_sites(self, block: Block, field: Tensor) -> None:
        """Units of any other kind, by their own way of drawing."""
        width = len(field) if self._together else self._unit.width
        for i in range(0, len(field), width):
            own = slice(i, i + width)
            f = field[own] if self._scale is None else field[own] * self._scale
            if self._rest is not None:
                f = torch.addcmul(f, block.base[own], self._rest)
            drawn = self._unit.sample(f.mT, self._uniform.generator).mT
            if self._given is not None:
                value = self._given[block.index[own]]
                drawn = torch.where(value.isnan(), drawn, value)
            block.drawn[own] = drawn
            if not self._together:
                field[i + width :].addmm_(block.later[i + width :, own], block.drawn[own])


def _near(weight: Tensor) -> list[tuple[Tensor, Tensor]]:
    """The neighbours of each row in turn with their weights, where they are few; rows with fewer repeat one by 0."""
    coupled = weight != 0
    most = int(coupled.sum(1).max())
    if most == 0 or most * NEAR > weight.shape[1]:
        return []
    neighbours = coupled.to(torch.int8).topk(most, dim=1).indices
    return [(n, weight.gather(1, n.unsqueeze(1))) for n in neighbours.unbind(1)]
