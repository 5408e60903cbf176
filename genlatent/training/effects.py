"""What each operation of a graph reads, writes and draws: all that a rewriting has to know to change no number."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils._pytree import tree_leaves

OUTSIDE = -1  # one place for all inputs and constants: which of them share memory, a graph does not say
UNWRITTEN = {"empty", "empty_like", "empty_strided", "empty_permuted", "new_empty", "new_empty_strided"}
NORMALISING = {"native_batch_norm", "cudnn_batch_norm", "miopen_batch_norm"}
RUNNING = {"running_mean", "running_var"}  # which these write, though their schemas do not say so


def operation(node: fx.Node) -> torch._ops.OpOverload | None:
    """The operation of ATen that a node calls, if it does."""
    return node.target if isinstance(node.target, torch._ops.OpOverload) else None


def _named(found: torch._ops.OpOverload) -> str:
    return found._schema.name.partition("::")[2]


def draws(node: fx.Node) -> bool:
    """Whether random numbers are drawn, so that a second call gives others."""
    found = operation(node)
    return found is not None and torch.Tag.nondeterministic_seeded in found.tags


def repeats(node: fx.Node) -> bool:
    """Whether a second call on the same values must give the same values."""
    found = operation(node)
    if found is None:
        return node.op == "call_function" and getattr(node.target, "__name__", "") == "getitem"
    refused = found._schema.is_mutable or draws(node) or _named(found) in UNWRITTEN | NORMALISING
    return found.namespace == "aten" and not refused


def shows(node: fx.Node) -> bool:
    """Whether the result is another view of the first argument's memory, and nothing else is done."""
    found = operation(node)
    if found is None or found._schema.is_mutable or len(found._schema.returns) != 1:
        return False
    return found._schema.returns[0].alias_info is not None and isinstance(value_of(node), Tensor)


def written(node: fx.Node) -> Iterator[fx.Node]:
    """The arguments that a node overwrites."""
    found = operation(node)
    if found is None:
        return
    untold = RUNNING if _named(found) in NORMALISING else ()
    for place, argument in enumerate(found._schema.arguments):
        if argument.name in untold or (argument.alias_info is not None and argument.alias_info.is_write):
            given = node.args[place] if place < len(node.args) else node.kwargs.get(argument.name)
            yield from (leaf for leaf in tree_leaves(given) if isinstance(leaf, fx.Node))


def matters(node: fx.Node) -> bool:
    """Whether a node does something even where nobody reads its result."""
    return node.is_impure() or draws(node) or any(True for _ in written(node))


def value_of(node: Any) -> Any:
    """What stood for the node's result while tracing: shape, strides and memory without numbers."""
    return node.meta.get("val") if isinstance(node, fx.Node) else None


def geometry(node: fx.Node) -> tuple | None:
    """How a tensor lies in its memory; None where sizes depend on data."""
    value = value_of(node)
    if not isinstance(value, Tensor) or not torch._C._has_storage(value):
        return None
    numbers = (*value.shape, *value.stride(), value.storage_offset())
    flipped = value.is_conj() or value.is_neg()
    return None if flipped or not all(type(n) is int for n in numbers) else (value.dtype, value.dim(), *numbers)


class Memory:
    """Which memory the nodes of a graph stand in; a node that rewriting adds is told by :meth:`move`.

    Args:
        graph: as traced, every node with the value that stood for its result.
    """

    def __init__(self, graph: fx.Graph):
        self.moved: dict[int, int] = {}
        self.nodes = list(graph.nodes)
        for node in self.nodes:
            if node.op in ("placeholder", "get_attr"):
                self.moved |= {place: OUTSIDE for place in self._traced(node) if place != OUTSIDE}
        self.overwritten = {place for node in self.nodes for target in written(node) for place in self.of(target)}
        self.returned = {place for node in self.nodes if node.op == "output" for place in self.read(node)}

    @staticmethod
    def _traced(node: fx.Node) -> set[int]:
        tensors = [leaf for leaf in tree_leaves(value_of(node)) if isinstance(leaf, Tensor)]
        return {t.untyped_storage()._cdata if torch._C._has_storage(t) else OUTSIDE for t in tensors}

    def of(self, node: fx.Node) -> set[int]:
        """The places of a node's result."""
        return {self._now(place) for place in self._traced(node)}

    def read(self, node: fx.Node) -> set[int]:
        """The places of its arguments."""
        return {place for argument in node.all_input_nodes for place in self.of(argument)}

    def move(self, node: fx.Node, onto: fx.Node) -> None:
        """From here on the node's result stands where another's did."""
        (source,), (target,) = self.of(node), self.of(onto)
        self.returned |= {target} if source in self.returned else set()
        self.moved[source] = target

    def _now(self, place: int) -> int:
        while place in self.moved:
            place = self.moved[place]
        return place
