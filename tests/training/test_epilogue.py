"""Biases outside of products: the same function, in which no product starts from its bias."""

import torch
from torch.fx.experimental.proxy_tensor import make_fx

from genlatent.training.epilogue import unbiased

aten = torch.ops.aten


def chained(b, x, w, v):
    """A bias row, a matrix to start from, and a product whose start is scaled."""
    first = torch.addmm(b, x, w).relu()
    return torch.addmm(torch.addmm(b, x, w), first, v), torch.addmm(b, x, w, beta=2)


def leaves():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((3,), (4, 2), (2, 3), (3, 3))]


def calls(graph):
    return [node.target for node in graph.graph.nodes if node.op == "call_function"]


def test_products_start_from_nothing_and_give_the_same():
    graph = make_fx(chained)(*leaves())
    split = unbiased(graph)
    assert calls(split).count(aten.mm.default) == 3
    assert calls(split).count(aten.addmm.default) == 1, "a start that is scaled stays"
    for one, other in zip(chained(*leaves()), split(*leaves())):
        assert torch.allclose(one, other, rtol=1e-14)


def test_the_graph_itself_stays():
    graph = make_fx(chained)(*leaves())
    before = calls(graph)
    unbiased(graph)
    assert calls(graph) == before


def test_without_products_nothing_changes():
    graph = make_fx(lambda x: x.exp() + 1)(torch.ones(2))
    assert calls(unbiased(graph)) == calls(graph)
