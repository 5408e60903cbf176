"""Memory that a step is done with holds the next result, instead of new memory that the system would have to clear."""

import copy
from typing import Any

import torch
from torch import Tensor, fx

from genlatent.training.effects import OUTSIDE, Memory, geometry, operation, value_of

aten = torch.ops.aten

# Elementwise operations, and those that write the same numbers where they are told to.
INTO: dict[Any, Any] = {
    aten.add.Tensor: aten.add.out,
    aten.sub.Tensor: aten.sub.out,
    aten.mul.Tensor: aten.mul.out,
    aten.div.Tensor: aten.div.out,
    aten.neg.default: aten.neg.out,
    aten.exp.default: aten.exp.out,
    aten.log.default: aten.log.out,
    aten.tanh.default: aten.tanh.out,
    aten.sigmoid.default: aten.sigmoid.out,
    aten.pow.Tensor_Scalar: aten.pow.Tensor_Scalar_out,
    aten.tanh_backward.default: aten.tanh_backward.grad_input,
    aten.sigmoid_backward.default: aten.sigmoid_backward.grad_input,
    aten.threshold_backward.default: aten.threshold_backward.grad_input,
}
IN_PLACE: dict[Any, Any] = {
    aten.relu.default: aten.relu_.default,
    aten.mul.Scalar: aten.mul_.Scalar,
    aten.div.Scalar: aten.div_.Scalar,
}
# What certainly makes memory of its own, whole and dense.
MAKERS = {
    *INTO,
    *IN_PLACE,
    aten.mm.default,
    aten.addmm.default,
    aten.bmm.default,
    aten.baddbmm.default,
    aten.binary_cross_entropy_with_logits.default,
}

INSTEAD = "instead of"  # what a rewritten node called before
SMALLEST = 1 << 16  # bytes; less is to be had at once


def reusing(graph: fx.GraphModule) -> fx.GraphModule:
    """Elementwise results take the place of an argument that nobody reads again; no number changes."""
    memory = Memory(graph.graph)
    last, makers = _last_read(memory), _makers(memory)
    for moment, node in enumerate(memory.nodes):
        target = next((x for x in _candidates(node) if _free(x, node, moment, memory, last, makers)), None)
        if target is not None:
            place, onto = *memory.of(node), *memory.of(target)
            last[onto] = last[place]
            memory.move(node, target)
            _write_into(node, target)
    graph.recompile()
    return graph


def unshared(graph: fx.GraphModule) -> fx.GraphModule:
    """The same step with every result in memory of its own again: a compiler plans memory better itself."""
    found = fx.GraphModule(graph, copy.deepcopy(graph.graph))
    for node in found.graph.nodes:
        if INSTEAD in node.meta:
            node.target, node.kwargs = node.meta[INSTEAD], {}
    found.recompile()
    return found


def _last_read(memory: Memory) -> dict[int, int]:
    """When each place is read for the last time."""
    return {
        place: moment for moment, node in enumerate(memory.nodes) for place in (memory.read(node) | memory.of(node))
    }


def _makers(memory: Memory) -> dict[int, fx.Node]:
    """The node that each place came from."""
    found: dict[int, fx.Node] = {}
    for node in memory.nodes:
        for place in memory.of(node):
            found.setdefault(place, node)
    return found


def _candidates(node: fx.Node) -> list[fx.Node]:
    """Arguments that the result may take the place of."""
    if operation(node) is None or node.kwargs or geometry(node) is None:
        return []
    given = node.args if node.target in INTO else node.args[:1] if node.target in IN_PLACE else ()
    return [x for x in given if isinstance(x, fx.Node) and geometry(x) == geometry(node)]


def _free(
    x: fx.Node, node: fx.Node, moment: int, memory: Memory, last: dict[int, int], makers: dict[int, fx.Node]
) -> bool:
    """Whether x fills a place of the step's own that is read here for the last time, and by x alone."""
    (place,) = memory.of(x)
    others = [y for y in node.all_input_nodes if y is not x and place in memory.of(y)]
    kept = place == OUTSIDE or place in memory.returned or last[place] > moment
    return not kept and not others and makers[place].target in MAKERS and _fills(value_of(x))


def _fills(value: Tensor) -> bool:
    """Whether a tensor is all there is in its memory, and large enough to matter."""
    size = value.numel() * value.itemsize
    return size >= SMALLEST and value.untyped_storage().nbytes() == size


def _write_into(node: fx.Node, target: fx.Node) -> None:
    node.meta[INSTEAD] = node.target
    if node.target in IN_PLACE:
        node.target = IN_PLACE[node.target]
        return
    written = INTO[node.target]
    node.kwargs = {written._schema.arguments[-1].name: target}
    node.target = written
