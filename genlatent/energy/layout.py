"""What a machine is made of: named layers, the pairs that are coupled, and blocks that can be drawn at once."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from genlatent.errors import RecipeError, Unsupported

Size = int | Sequence[int]


class Theta(NamedTuple):
    """The parameters as values: biases by layer, couplings by pair of layers."""

    biases: dict[str, Tensor]
    couplings: dict[tuple[str, str], Tensor]

    def double(self) -> "Theta":
        """The same in float64."""
        biases = {name: bias.double() for name, bias in self.biases.items()}
        return Theta(biases, {pair: w.double() for pair, w in self.couplings.items()})


def shape(size: Size) -> torch.Size:
    """A number of units, or a shape, as a shape."""
    return torch.Size([size] if isinstance(size, int) else size)


def check(layers: Mapping[str, Size], couplings: Sequence[tuple[str, str]]) -> None:
    """Refuse layers without units and couplings that name no pair of different layers."""
    for name, size in layers.items():
        if not name.isidentifier() or name in ("x", "name"):
            raise RecipeError(f"a layer cannot be called {name!r}; use a plain word")
        if min(shape(size), default=1) < 1:
            raise RecipeError(f"{name} must be at least 1, got {size}")
    for pair in couplings:
        for name in pair:
            if name not in layers:
                raise RecipeError(f"coupling {pair} names no layer; layers: {', '.join(layers)}")
        if pair[0] == pair[1] or (pair[1], pair[0]) in couplings or couplings.count(pair) > 1:
            raise RecipeError(f"coupling {pair}: each pair of two different layers is coupled once")


def check_apart(couplings: Sequence[tuple[str, str]], *sides: Sequence[str]) -> None:
    """Refuse to sum layers out of each other where two on the same side are coupled."""
    for side in sides:
        for a, b in couplings:
            if a in side and b in side:
                raise Unsupported(f"{a} and {b} are coupled, so the energy of one side has no closed form")


def blocks(layers: Sequence[str], couplings: Sequence[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    """Layers that are not coupled share a block, so that a block is drawn at once; the first layer's comes last.

    >>> blocks(("visible", "hidden", "top"), [("visible", "hidden"), ("hidden", "top")])
    (('hidden',), ('visible', 'top'))
    """
    coupled = {name: {a if b == name else b for a, b in couplings if name in (a, b)} for name in layers}
    block: dict[str, int] = {}
    for name in layers:
        taken = {block[other] for other in coupled[name] if other in block}
        block[name] = next(n for n in range(len(layers)) if n not in taken)
    numbers = sorted(set(block.values()), reverse=True)
    return tuple(tuple(name for name in layers if block[name] == n) for n in numbers)
