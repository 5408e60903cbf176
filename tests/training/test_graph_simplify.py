"""A graph with less in it gives the same numbers, draws the same and writes the same."""

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

from genlatent import LadderVAE
from genlatent.training.effects import draws, repeats, shows, written
from genlatent.training.simplify import simplified
from genlatent.training.step import Rows, Step

aten = torch.ops.aten


def graphs_of(flat, *inputs):
    """The graph as traced, and simplified."""
    return (
        make_fx(flat, tracing_mode="fake")(*inputs),
        simplified(make_fx(flat, tracing_mode="fake")(*inputs)),
    )


def results(run, *inputs):
    torch.manual_seed(3)
    return run(*(x.clone() for x in inputs))


def after(flat, *inputs):
    """The simplified graph, once it was seen to give what the function gives, to the last bit and stride."""
    graph = graphs_of(flat, *inputs)[1]
    for one, other in zip(results(flat, *inputs), results(graph, *inputs), strict=True):
        assert torch.equal(one, other)
        assert one.stride() == other.stride()
    return graph


def count(graph, *operations):
    return sum(node.target in operations for node in graph.graph.nodes)


@pytest.fixture
def x():
    return torch.randn(3, 4)


def test_equal_operations_are_one(x):
    def flat(x):
        return [x.exp().sum(0) * x.exp().sum(1).sum(), x.exp().sum(0) + 1]

    graph = after(flat, x)
    assert count(graph, aten.exp.default) == 1
    assert count(graph, aten.sum.dim_IntList) == 2


def test_other_arguments_make_another_operation(x):
    def flat(x):
        return [x.sum(0).sum() + x.sum(1).sum() + (x * 1).sum() + (x * 1.5).sum() + (x + 1).sum() + (x + 1.0).sum()]

    graph = after(flat, x)
    assert count(graph, aten.sum.dim_IntList) == 2
    assert count(graph, aten.add.Tensor) == 7, "whole numbers and fractions are told apart"


@pytest.mark.parametrize(
    "draw",
    [
        torch.rand_like,
        torch.randn_like,
        torch.bernoulli,
        lambda p: torch.rand(p.shape),
        lambda p: torch.multinomial(p, 2).float(),
        lambda p: torch.normal(p, p),
        lambda p: torch.nn.functional.dropout(p, 0.5),
        lambda p: torch.poisson(p),
        lambda p: torch._standard_gamma(p),
        lambda p: torch.empty_like(p).uniform_(),
    ],
)
def test_random_numbers_are_drawn_as_often_and_in_the_same_order(draw):
    def flat(p):
        draw(p)  # nobody reads these, and those that follow depend on them all the same
        return [draw(p) - draw(p), torch.rand_like(p)]

    p = torch.rand(3, 4)
    before, graph = graphs_of(flat, p)
    assert sum(map(draws, graph.graph.nodes)) == sum(map(draws, before.graph.nodes)) == 4
    assert after(flat, p)(p)[0].any(), "two draws differ"
    states = []
    for run in (flat, graph):
        results(run, p)
        states.append(torch.get_rng_state())
    assert torch.equal(*states)


def test_what_is_written_is_kept_apart(x):
    def flat(x):
        one, other = torch.zeros(3, 4), torch.zeros(3, 4)
        one[0] = x[0]
        early = one.exp()
        one.add_(x)
        return [one * other, early - one.exp()]

    graph = after(flat, x)
    assert count(graph, aten.zeros.default) == 2
    assert count(graph, aten.exp.default) == 2


def test_running_averages_move_as_often_as_they_did(x):
    def flat(x, weight, mean, variance):
        mean, variance = mean.clone(), variance.clone()
        runs = [torch.nn.functional.batch_norm(x, mean, variance, weight, training=True) for _ in range(3)]
        return [runs[0] + runs[1], mean, variance]  # of the third run, the averages alone are read

    graph = after(flat, x, torch.ones(4), torch.zeros(4), torch.ones(4))
    assert sum("batch_norm" in str(node.target) for node in graph.graph.nodes) == 3


def test_an_input_that_is_written_is_read_anew(x):
    def flat(x):
        early = x.exp()
        x.mul_(2)
        return [early + x.exp(), x]

    assert count(after(flat, x), aten.exp.default) == 2


def test_a_view_of_what_is_written_is_not_merged(x):
    def flat(x):
        made = x + 1
        row = made[0]
        early = row * 2
        made.mul_(3)
        return [early, made[0] * 2]

    assert count(after(flat, x), aten.mul.Tensor) == 2


def test_writing_what_nobody_reads_is_dropped_and_draws_stay(x):
    def flat(x):
        lost = x * 2
        lost.uniform_()
        lost.view(-1).add_(1)
        kept = x * 3
        kept.view(-1).add_(1)
        return [kept]

    graph = after(flat, x)
    assert count(graph, aten.add_.Tensor) == 1
    assert count(graph, aten.uniform_.default) == 1


def test_results_do_not_share_memory_that_was_not_shared(x):
    def flat(x):
        return [x.exp(), x.exp(), x * 1, x.exp() + 1]

    results = after(flat, x)(x)
    assert len({each.data_ptr() for each in (*results, x)}) == 5


def test_views_that_change_nothing_are_dropped(x):
    def flat(x):
        same = x.view(3, 4).expand(3, 4).t().t().view(12).view(3, 4)
        return [same.exp().squeeze(0).reshape(3, 4).detach(), x.t().exp() + x.t()]

    graph = after(flat, x)
    assert sum(map(shows, graph.graph.nodes)) == 1, "the transposed one"
    assert count(graph, aten.exp.default) == 2


def test_one_is_neutral(x):
    def flat(x):
        ones = torch.ones(()).expand(4)
        made = x.exp()
        return [
            (made * ones / ones / 1).pow(1.0).sum(),
            (x.exp() * torch.zeros(4)).sum(),
            (made * torch.ones(2, 1, 1)).sum(),
        ]

    graph = after(flat, x)
    assert count(graph, aten.div.Tensor, aten.pow.Tensor_Scalar) == 0
    assert count(graph, aten.mul.Tensor) == 2, "one that is another number, one that makes another shape"


def test_ones_that_are_written_are_not_ones(x):
    def flat(x):
        ones = torch.ones(4)
        ones[0] = 3.0
        return [(x.exp() * ones).sum()]

    assert count(after(flat, x), aten.mul.Tensor) == 1


def test_what_is_done_to_a_repeated_tensor_is_done_before(x):
    def flat(x, y):
        return [(-(y.exp().expand(3, 4) * 0.5)) * x]

    graph = after(flat, x, torch.randn(3, 1))
    small = [node for node in graph.graph.nodes if node.target in (aten.neg.default, aten.mul.Tensor)]
    assert [tuple(node.meta["val"].shape) for node in small] == [(3, 1), (3, 1), (3, 4)]


def test_sums_of_a_repeated_tensor_keep_their_order(x):
    def flat(y):
        return [(-y.exp().expand(3, 4)).sum(), -y.expand(3, 4)]

    graph = after(flat, torch.randn(3, 1))
    wide = [n.meta["val"].shape for n in graph.graph.nodes if n.target is aten.neg.default]
    assert wide == [(3, 4), (3, 4)], "nor does a result change how it lies"


def test_effects_are_read_from_schemas(x):
    def flat(x):
        made = torch.empty(3, 4).uniform_()
        return [made.view(-1) + x.view(-1)]

    nodes = {node.target: node for node in make_fx(flat, tracing_mode="fake")(x).graph.nodes}
    assert [node.target for node in written(nodes[aten.uniform_.default])] == [aten.empty.memory_format]
    assert not repeats(nodes[aten.uniform_.default])
    assert not repeats(nodes[aten.empty.memory_format])
    assert repeats(nodes[aten.add.Tensor])
    assert shows(nodes[aten.view.default])
    assert not shows(nodes[aten.add.Tensor])


def test_a_decoder_that_runs_twice_is_run_once(digits, monkeypatch, device):
    torch.manual_seed(1)
    model = LadderVAE((1, 8, 8), latents=(4, 2), features=32).to(device)
    rows, sizes = Rows(digits.train.to(device), None, torch.arange(10, device=device)), []
    for kept in (simplified, lambda graph: graph):
        monkeypatch.setattr("genlatent.training.graph.simplified", kept)
        step = Step(model, model.objective(), observe=digits.observe)
        step(rows, torch.zeros((), device=device), {})
        (program,) = step.programs.values()
        sizes.append([len(program.run.graph.nodes), count(program.run, aten.addmm.default)])
    (less, products), (more, all_products) = sizes
    assert less < 0.75 * more
    assert products < all_products
