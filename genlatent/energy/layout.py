"""What a machine is made of: named layers, the pairs that are coupled, and blocks that can be drawn at once."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from genlatent.errors import RecipeError, Unsupported

Size = int | Sequence[int]


class Theta(NamedTuple):
    """The parameters as values: biases by layer, couplings by pair of layers, and where couplings may differ from 0.

    `couplings[a, a]`, within a layer, is symmetric with zeros for each site with itself.
    """

    biases: dict[str, Tensor]
    couplings: dict[tuple[str, str], Tensor]
    masks: dict[tuple[str, str], Tensor] = {}

    def double(self) -> "Theta":
        """The same in float64."""
        biases = {name: bias.double() for name, bias in self.biases.items()}
        return self._replace(biases=biases, couplings={pair: w.double() for pair, w in self.couplings.items()})


def shape(size: Size) -> torch.Size:
    """A number of units, or a shape, as a shape."""
    return torch.Size([size] if isinstance(size, int) else size)


def check(layers: Mapping[str, Size], couplings: Sequence[tuple[str, str]]) -> None:
    """Refuse layers without units, and couplings that name no layers or come twice."""
    for name, size in layers.items():
        if not name.isidentifier() or name in ("x", "name"):
            raise RecipeError(f"a layer cannot be called {name!r}; use a plain word")
        if min(shape(size), default=1) < 1:
            raise RecipeError(f"{name} must be at least 1, got {size}")
    for pair in couplings:
        for name in pair:
            if name not in layers:
                raise RecipeError(f"coupling {pair} names no layer; layers: {', '.join(layers)}")
        if [{*pair} for pair in couplings].count({*pair}) > 1:
            raise RecipeError(f"coupling {pair}: each pair of layers is coupled once")


def check_apart(couplings: Sequence[tuple[str, str]], *sides: Sequence[str]) -> None:
    """Refuse to sum layers out of each other where two on the same side are coupled."""
    for side in sides:
        for a, b in couplings:
            if a in side and b in side:
                raise Unsupported(f"{a} and {b} are coupled, so the energy of one side has no closed form")


def blocks(layers: Sequence[str], couplings: Sequence[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    """Layers that are not coupled to each other share a block; the first layer's comes last.

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


def summed(data: str, blocks: Sequence[Sequence[str]], couplings: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The layers that have a closed sum given all the others: those of the first block that holds any such.

    >>> summed("visible", (("hidden",), ("visible", "top")), [("visible", "hidden"), ("hidden", "top")])
    ('hidden',)
    """
    for block in blocks:
        found = tuple(name for name in block if name != data and (name, name) not in couplings)
        if found:
            return found
    return ()
