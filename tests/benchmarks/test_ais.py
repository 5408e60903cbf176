import sys

import pytest

from benchmarks import ais, machines
from benchmarks.harness import FEWEST, WARM_UP, Settings


@pytest.fixture
def small(monkeypatch):
    """A machine and an amount of work that take no time."""
    for name, value in {"RUNS": (4,), "STEPS": {4: 2}, "TEMPERATURES": 7}.items():
        monkeypatch.setattr(ais, name, value)
    for name, value in {"VISIBLE": 6, "HIDDEN": 5}.items():
        monkeypatch.setattr(machines, name, value)
    monkeypatch.setattr(Settings, "seconds", lambda self, full, quick: 0.0)


def test_a_missing_peer_is_a_row_that_says_so(small, monkeypatch):
    monkeypatch.setitem(sys.modules, "rbms", None)
    monkeypatch.setitem(sys.modules, "rbms.bernoulli_bernoulli.classes", None)
    found = ais.benchmark(Settings(quick=True))
    row = next(row for row in found if row.peer == "rbms")
    assert (row.peer_ms, row.ratio) == (None, None)
    assert row.note.startswith("not installed")


def test_ours_begins_anew_when_the_schedule_ends(small):
    model = ais.RBM(6, 5)
    call = ais.ours(model, 4, "float32")
    done = [call() for _ in range(WARM_UP + FEWEST)]
    assert done[0] in done[1:], "it never began anew"
    assert max(done) <= ais.TEMPERATURES


def test_every_candidate_is_timed_against_the_bare_products(small):
    found = ais.benchmark(Settings(quick=True))
    bare = {f"two products/{mode}" for mode in machines.routes()}
    assert {ais.BY_HAND, "rbms"} | bare == {row.peer for row in found}
    assert all(row.ours_ms and row.limit_ratio for row in found)
