"""What follows a product, in the form in which a compiler can do it in one pass over the product's result."""

import copy
from typing import Any

import torch
from torch import fx

aten = torch.ops.aten


def unbiased(graph: fx.GraphModule) -> fx.GraphModule:
    r"""The same graph with biases added after products: :math:`xW + b \to xW - (-b)`.

    A product that starts from its bias has to be given a matrix full of it, and some libraries are slower for it; what
    is done to each number of the result is done in one pass with what follows. Written as a sum, the compiler would
    make it one operation again; the difference gives the same number.
    """
    found = fx.GraphModule(graph, copy.deepcopy(graph.graph))
    for node in list(found.graph.nodes):
        if node.target is aten.addmm.default and not node.kwargs:
            _split(found.graph, node)
    found.recompile()
    return found


def _split(graph: fx.Graph, node: fx.Node) -> None:
    bias, left, right = node.args
    with graph.inserting_before(node):
        product = _called(graph, aten.mm.default, left, right)
        total = _called(graph, aten.sub.Tensor, product, _called(graph, aten.neg.default, bias))
    node.replace_all_uses_with(total)
    graph.erase_node(node)


def _called(graph: fx.Graph, target: Any, *args: Any) -> fx.Node:
    return graph.call_function(target, args)
