import pytest
import torch

from benchmarks import convolution, step
from benchmarks.harness import Settings


@pytest.fixture
def brief(monkeypatch):
    """No compiler, and no time."""
    for benchmark in (convolution, step):
        monkeypatch.setattr(benchmark, "compiler_found", lambda: False)
        monkeypatch.setattr(benchmark, "ROWS", 40)
    monkeypatch.setattr(Settings, "seconds", lambda self, full, quick: 0.0)


def without_compiler(peers):
    return {name: peer for name, peer in peers.items() if "compiled" not in name}


def test_dense_steps_are_timed_against_every_peer(brief, monkeypatch):
    monkeypatch.setattr(step, "BATCHES", (8,))
    monkeypatch.setattr(step, "PEERS", without_compiler(step.PEERS))
    found = step.benchmark(Settings(quick=True))
    assert {(row.mode, row.peer) for row in found} == {(m, p) for m in ("eager", "traced") for p in step.PEERS}
    assert all(row.ours_ms and row.limit_ratio for row in found)


def test_convolutional_steps_are_timed_against_every_peer(brief, monkeypatch):
    monkeypatch.setattr(convolution, "BATCH", 4)
    monkeypatch.setattr(convolution, "PEERS", without_compiler(convolution.PEERS))
    found = convolution.benchmark(Settings(quick=True))
    assert {row.peer for row in found} == set(convolution.PEERS)
    assert all(row.mode == "traced" and row.ours_ms and row.peer_ms for row in found)


def test_by_hand_is_the_same_convolutional_model():
    ours = sorted(tuple(p.shape) for p in convolution.vae().parameters())
    assert ours == sorted(tuple(p.shape) for p in convolution.ByHand().parameters())


def test_goals_hold_where_they_were_set():
    assert convolution.goal("compiled", "torch by hand") == convolution.GOAL
    assert convolution.goal("traced", "torch by hand") is None
    assert torch.is_tensor(step.bits(2, 3))
