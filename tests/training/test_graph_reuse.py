"""Memory is written anew only when nobody reads it again, and the numbers stay."""

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from genlatent.training.effects import written
from genlatent.training.reuse import IN_PLACE, INTO, SMALLEST, reusing, unshared

SHAPE = (SMALLEST // 256, 64)  # as large as it takes


@pytest.fixture
def x():
    return torch.randn(SHAPE)


def after(flat, *inputs):
    """The graph that reuses memory, once it was seen to leave its inputs alone and give the same bits."""
    graph = reusing(make_fx(flat, tracing_mode="fake")(*inputs))
    given = [x.clone() for x in inputs]
    for one, other in zip(flat(*inputs), graph(*given), strict=True):
        assert torch.equal(one, other)
        assert one.stride() == other.stride()
    assert all(torch.equal(x, y) for x, y in zip(inputs, given)), "inputs are never written"
    return graph


def overwriting(graph):
    return [node.target.overloadpacket.__name__ for node in graph.graph.nodes if list(written(node))]


def test_a_chain_stands_in_one_place(x):
    def flat(x, w):
        return [((x @ w).relu() * 2 - x).sigmoid().neg().sum(0)]

    assert overwriting(after(flat, x, torch.randn(64, 64))) == ["relu_", "mul", "sub", "sigmoid", "neg"]


def test_a_compiler_sees_results_in_memory_of_their_own(x):
    def flat(x):
        return [(torch.ones(SHAPE).add_(x).exp().relu() - x).sum(0)]

    graph = after(flat, x)
    plain = unshared(graph)
    assert overwriting(graph) == ["add_", "relu_", "sub"]
    assert overwriting(plain) == ["add_"], "what the model writes itself is written"
    assert torch.equal(plain(x)[0], flat(x)[0])


def test_what_is_read_again_stays(x):
    def flat(x):
        made = x.exp()
        return [(made.neg() * made).sum()]

    assert overwriting(after(flat, x)) == ["mul"]


def test_what_is_read_again_through_a_view_stays(x):
    def flat(x):
        made = x.exp()
        return [made.neg().sum(0) + made.t()[:, 0]]

    assert overwriting(after(flat, x)) == []


def test_results_and_constants_stay(x):
    constant = torch.randn(SHAPE)

    def flat(x):
        made = x.exp()
        return [made, made.neg(), constant.clone().neg(), x.neg()]

    graph = reusing(make_fx(flat, tracing_mode="fake", _allow_non_fake_inputs=True)(x))
    first = [each.clone() for each in graph(x)]
    assert overwriting(graph) == []
    assert all(torch.equal(one, other) for one, other in zip(first, graph(x)))


def test_a_result_may_stand_where_something_else_did_and_is_kept_then(x):
    def flat(x):
        made = x.exp().neg()
        return [made, made * 2]

    assert overwriting(after(flat, x)) == ["neg"]


def test_both_sides_in_one_place_are_not_mixed_up(x):
    def flat(x):
        square = (x.exp() - 1).view(SHAPE[0] // 64, 64, 64)
        return [(square - square.transpose(1, 2)).sum(0), (x.sigmoid() * x.exp()).sum()]

    assert "mul" in overwriting(after(flat, x))


def test_repeated_and_partial_tensors_are_not_written(x):
    def flat(x):
        wide = x.exp()[:1].expand(SHAPE)
        half = x.neg()[: SHAPE[0] // 2]
        return [(wide * 2).sum(), (half - 1).sum()]

    assert overwriting(after(flat, x)) == []


def test_small_tensors_are_left_alone():
    assert overwriting(after(lambda x: [x.exp().neg().sum()], torch.randn(8))) == []


@pytest.mark.parametrize("operation", [*INTO, *IN_PLACE], ids=str)
def test_each_operation_gives_the_same_numbers_in_place(operation, x):
    arguments = [argument for argument in operation._schema.arguments if not argument.kwarg_only]
    numbers = [argument for argument in arguments if str(argument.type) == "number"]
    tensors = len(arguments) - len(numbers)

    def flat(*given):
        made = [each.exp() for each in given]
        return [operation(*made, *(0.7 for _ in numbers))]

    inputs = [torch.rand(SHAPE) + 0.1 for _ in range(tensors)]
    assert len(overwriting(after(flat, *inputs))) == 1
