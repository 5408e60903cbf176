"""A traced step with less in it, and the same numbers out of it, to the last bit."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx

from genlatent.training.effects import Memory, draws, geometry, matters, repeats, shows, value_of, written

aten = torch.ops.aten

PASSED_THROUGH = {aten.detach.default, aten.alias.default}
ONES = {aten.ones.default, aten.ones_like.default, aten.new_ones.default}
BY_ONE = {aten.mul.Tensor, aten.mul.Scalar, aten.div.Tensor, aten.div.Scalar, aten.pow.Tensor_Scalar}
ROUNDED = {aten.neg.default, aten.mul.Tensor, aten.mul.Scalar, aten.div.Tensor, aten.div.Scalar}  # exactly, by IEEE 754
BROADCASTING = ROUNDED | {aten.add.Tensor, aten.sub.Tensor}


def simplified(graph: fx.GraphModule) -> fx.GraphModule:
    """Without what only meant something to autograd, what is computed twice, and what nobody reads."""
    for rewrite in (
        _drop_bookkeeping,
        _merge_views,
        _drop_unread,
        _merge_equal,
        _drop_ones,
        _merge_views,
        _repeat_late,
    ):
        rewrite(graph.graph)
        graph.graph.eliminate_dead_code(matters)
    graph.recompile()
    return graph


def _replace(node: fx.Node, by: fx.Node) -> None:
    node.replace_all_uses_with(by)
    node.graph.erase_node(node)


def _drop_bookkeeping(graph: fx.Graph) -> None:
    for node in list(graph.nodes):
        if node.target in PASSED_THROUGH:
            _replace(node, node.args[0])  # pyright: ignore[reportArgumentType]  # a tensor, says its schema


def _merge_views(graph: fx.Graph) -> None:
    """Views that show the same memory the same way are one, and none where its tensor already lies like that."""
    memory, standing = Memory(graph), {}
    for node in list(graph.nodes):
        lies = geometry(node)
        if lies is None:
            continue
        key = (frozenset(memory._traced(node)), lies)
        if shows(node) and key in standing:
            _replace(node, standing[key])
        else:
            standing[key] = node


def _drop_unread(graph: fx.Graph) -> None:
    """Writing into memory that nobody reads afterwards is not done; random numbers are drawn all the same."""
    memory = Memory(graph)
    read = memory.returned | {-1}
    for node in reversed(memory.nodes):
        places = {place for target in written(node) for place in memory.of(target)}
        if places and not places & read and not node.users and not draws(node):
            graph.erase_node(node)
        elif places or node.users or node.op == "output":
            read |= memory.read(node)


def _merge_equal(graph: fx.Graph) -> None:
    """Equal operations on equal arguments are one, where no memory of theirs is ever written or handed out."""
    memory, known = Memory(graph), {}
    for node in memory.nodes:
        places = memory.of(node)
        if not repeats(node) or (places | memory.read(node)) & memory.overwritten:
            continue
        key = _call(node)
        if key not in known:
            known[key] = node
        elif not places & memory.returned:
            _replace(node, known[key])


def _call(node: fx.Node) -> tuple:
    """What is called on what, so that equal calls have equal keys."""
    return node.target, _key(node.args), _key(tuple(sorted(node.kwargs.items())))


def _key(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return tuple(_key(each) for each in value)
    return value if isinstance(value, fx.Node) else (type(value), repr(value))


def _drop_ones(graph: fx.Graph) -> None:
    """x times 1, x over 1 and x to the power of 1 are x."""
    memory = Memory(graph)
    for node in memory.nodes:
        if node.target not in BY_ONE or not _is_one(node.args[1], memory):
            continue
        x, guarded = node.args[0], memory.overwritten | memory.returned
        if _alike(x, node) and not (memory.of(node) | memory.of(x)) & guarded:
            _replace(node, x)


def _is_one(value: Any, memory: Memory) -> bool:
    if not isinstance(value, fx.Node):
        return value == 1
    while shows(value) and isinstance(value.args[0], fx.Node):
        value = value.args[0]
    return value.target in ONES and not memory.of(value) & memory.overwritten


def _alike(one: Any, other: fx.Node) -> bool:
    return isinstance(one, fx.Node) and geometry(one) is not None and geometry(one) == geometry(other)


def _repeat_late(graph: fx.Graph) -> None:
    """What is done to each number of a repeated tensor is done before it is repeated, if that moves nothing else."""
    memory = Memory(graph)
    for node in memory.nodes:
        wide = node.args[0] if node.target in ROUNDED else None
        if not isinstance(wide, fx.Node) or wide.target is not aten.expand.default or _others(node):
            continue
        if not (memory.of(node) | memory.of(wide)) & (memory.overwritten | memory.returned):
            _swap(node, wide)


def _others(node: fx.Node) -> bool:
    return any(isinstance(value, fx.Node) for value in node.args[1:])


def _swap(node: fx.Node, wide: fx.Node) -> None:
    """`node(expand(x))` -> `expand(node(x))`, where all that read it make tensors that lie as before."""
    narrow: Any = wide.args[0]
    if value_of(narrow).numel() == value_of(wide).numel():
        return
    with node.graph.inserting_before(node):
        inner = _called(node.graph, node.target, (narrow, *node.args[1:]))
        outer = _called(node.graph, wide.target, (inner, *wide.args[1:]))
    if all(_lies_as_before(user, node, outer) for user in node.users):
        _replace(node, outer)


def _called(graph: fx.Graph, target: Any, args: tuple) -> fx.Node:
    node = graph.call_function(target, args)
    node.meta["val"] = _imagined(target, args)
    return node


def _imagined(target: Callable[..., Any], args: tuple) -> Tensor:
    """The value that stands for a result, from those of the arguments."""
    values = [value_of(value) if isinstance(value, fx.Node) else value for value in args]
    with next(value for value in values if isinstance(value, Tensor)).fake_mode:  # pyright: ignore
        return target(*values)


def _lies_as_before(user: fx.Node, node: fx.Node, by: fx.Node) -> bool:
    if user.target not in BROADCASTING or user.kwargs:
        return False
    made = _imagined(user.target, tuple(by if value is node else value for value in user.args))  # pyright: ignore
    before = value_of(user)
    return (made.dtype, made.shape, made.stride()) == (before.dtype, before.shape, before.stride())
