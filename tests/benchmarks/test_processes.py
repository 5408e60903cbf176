import pytest

from benchmarks import processes
from benchmarks.harness import Settings


def test_medians_over_rounds_of_both_sides_in_turns(monkeypatch):
    asked = []

    def timed(number, seconds):
        asked.append(number)
        return {"RBM, batch 2000": 10.0 * len(asked) / number, "RBM, batch 100": 3.0 * number}

    monkeypatch.setattr(processes, "timed", timed)
    large, small = processes.benchmark(Settings())
    assert asked == [1, 2] * processes.ROUNDS
    assert large.peer_ms == 50.0
    assert large.ours_ms == 30.0
    assert large.goal == processes.GOAL
    assert small.ratio == 2.0
    assert small.goal is None


@pytest.mark.slow
def test_one_and_two_processes_are_timed(monkeypatch):
    monkeypatch.setattr(Settings, "seconds", lambda *_: 0.0)
    found = processes.benchmark(Settings(quick=True))
    assert len(found) == 4
    assert all(row.ours_ms and row.peer_ms for row in found)
