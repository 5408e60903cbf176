"""Likelihoods of conditional machines and deep belief nets against sums over every state."""

import itertools

import pytest
import torch

from genlatent.energy.classification import ClassificationRBM
from genlatent.energy.conditional import ConditionalRBM
from genlatent.energy.dbn import DeepBeliefNet
from genlatent.errors import DataError
from genlatent.evaluation import annealed, ways
from genlatent.evaluation.annealed import Piece, judged, machine_likelihood, pooled
from genlatent.evaluation.partition import PartitionResult
from genlatent.networks.conditions import Labels, Values
from tests.machines import skewed

CONDITIONS = {
    "a label": (3, torch.tensor([2, 0, 2, 1])),
    "labels": (Labels((2, 3)), torch.tensor([[1, 2], [0, 0], [1, 2], [1, 0]])),
    "values": (Values(2), torch.tensor([[0.3, -1.0], [2.0, 0.5], [0.3, -1.0], [0.0, 0.0]])),
}


@pytest.fixture(params=CONDITIONS)
def conditional(request, device):
    condition, y = CONDITIONS[request.param]
    machine = skewed(ConditionalRBM(8, 6, condition), 0.6).to(device)
    for base in machine.base().values():
        base.zero_()
    y = y.repeat(25, *[1] * (y.dim() - 1)).to(device)
    return machine, machine.sample(len(y), given={"y": y}, steps=50), y


def estimated(monkeypatch):
    """Make even small machines be annealed."""
    monkeypatch.setattr(ways.MachineWay, "exact", lambda self: None)


def test_a_small_conditional_machine_is_exact(conditional):
    machine, x, y = conditional
    (record,) = machine_likelihood(machine, x, y=y)
    assert record.value == pytest.approx(float(machine.log_prob(x, y).detach().mean()), abs=1e-5)
    assert (record.metric, record.rows, record.samples) == ("log-likelihood", len(x), 0)
    assert "exact, by enumeration, for each of 3 conditions" in record.method


def test_a_conditional_machine_is_annealed_under_each_condition(conditional, monkeypatch):
    machine, x, y = conditional
    exact = float(machine.log_prob(x, y).detach().mean())
    estimated(monkeypatch)
    quoted, forward, reverse = machine_likelihood(machine, x, x, y=y, train_y=y, runs=200, steps=150)
    assert quoted.verdict == "ok"
    assert "starts: data, forward ends, for each of 3 conditions" in quoted.method
    for record in (quoted, forward, reverse):
        assert abs(record.value - exact) < 0.1
        assert record.interval[0] < exact < record.interval[1]


def test_of_very_many_conditions_some_are_asked(conditional, monkeypatch):
    machine, x, y = conditional
    monkeypatch.setattr(annealed, "MOST_CONDITIONS", 2)
    (record,) = machine_likelihood(machine, x, y=y, generator=torch.Generator(x.device).manual_seed(0))
    assert record.rows < len(x)
    assert "of 2 conditions" in record.method


def test_conditions_are_asked_for(conditional):
    with pytest.raises(DataError, match="conditioned on"):
        machine_likelihood(conditional[0], conditional[1])


def test_a_classification_machine_is_summed_over_its_classes(device):
    machine = skewed(ClassificationRBM(5, 4, 3), 0.6).to(device)
    x = machine.sample(60, steps=30)
    (record,) = machine_likelihood(machine, x)
    assert record.value == pytest.approx(float(machine.log_prob(x).detach().mean()), abs=1e-5)


def found(value, half, verdict="ok", reason=""):
    sides = value - half, value + half
    return PartitionResult(value, sides, sides, "a method", verdict, reason)


def test_pieces_are_pooled_by_their_rows_and_errors_in_squares():
    pieces = [Piece(torch.zeros(30), found(1.0, 0.4)), Piece(torch.zeros(10), found(5.0, 1.2))]
    value, (low, high) = pooled(pieces, [(piece.found.value, piece.found.interval) for piece in pieces])
    assert value == pytest.approx(2.0)
    assert (value - low, high - value) == pytest.approx((2**0.5 * 0.3, 2**0.5 * 0.3))


def test_the_worst_verdict_is_the_verdict():
    pieces = [
        Piece(torch.zeros(2), found(1.0, 0.1), "under condition 0"),
        Piece(torch.zeros(2), found(1.0, 0.1, "failed", "starts disagree"), "under condition 1"),
        Piece(torch.zeros(2), found(1.0, 0.1, "doubtful", "too few steps"), "under condition 2"),
    ]
    (record,) = judged(pieces, tight=True)
    assert (record.verdict, record.reason) == ("failed", "under condition 1: starts disagree")


@pytest.fixture(params=[(3,), (3, 5), (3, 2, 5)], ids=str)
def net(request, device):
    return skewed(DeepBeliefNet(6, request.param), 0.6).to(device)


def bits(count, like):
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=count))).to(like)


def exact_bound(net, v):
    """The mean over recognition of log p(v, h) - log q(h | v), summed over every hidden state."""
    hidden = [bits(size, v) for size in net.sizes[1:-1]]
    total = torch.zeros(len(v)).to(v)
    for states in itertools.product(*hidden):
        full = [v, *(s.expand(len(v), -1) for s in states)]
        log_q = net.log_recognition(full) * torch.ones(len(v)).to(v)
        total = total + log_q.exp() * (net.log_generation(full) - net.top.free_energy(full[-1]) - log_q)
    return (total - net.top.log_partition_exact()).detach()


def test_a_deep_belief_net_gets_its_bound_from_both_sides(net, monkeypatch):
    generator = torch.Generator(net.top.W.device).manual_seed(0)
    v = net.sample(400, steps=30, generator=generator)
    expected = float(exact_bound(net, v).mean())
    (record,) = machine_likelihood(net, v, v, generator=generator)
    assert record.value == pytest.approx(expected, abs=0.06), "draws of recognition are noise"
    assert record.metric == "log-likelihood" if len(net.hidden) == 1 else "log-likelihood, lower bound"
    estimated(monkeypatch)
    quoted, forward, reverse = machine_likelihood(net, v, v, runs=200, steps=150, generator=generator)
    assert quoted.verdict == "ok"
    assert "starts: data, forward ends" in quoted.method
    for one in (quoted, forward, reverse):
        assert one.value == pytest.approx(expected, abs=0.15)
        assert one.interval[0] < expected < one.interval[1]
    assert ("bound" if len(net.hidden) > 1 else "likelihood") in forward.reason
