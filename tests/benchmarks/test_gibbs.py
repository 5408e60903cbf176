import sys

import pytest

from benchmarks import gibbs, machines
from benchmarks.harness import Settings


@pytest.fixture
def small(monkeypatch):
    """A machine and an amount of work that take no time, and peers that are not there."""
    for name, value in {"VISIBLE": 6, "HIDDEN": 5}.items():
        monkeypatch.setattr(machines, name, value)
    monkeypatch.setattr(gibbs, "CHAINS", (4,))
    monkeypatch.setattr(gibbs, "STEPS", {4: 2})
    monkeypatch.setattr(Settings, "seconds", lambda self, full, quick: 0.0)
    monkeypatch.setattr(gibbs.integers, "worthwhile", lambda: True)
    for name in ("rbms", "rbms.bernoulli_bernoulli.classes", "learnergy.models.bernoulli", "jax"):
        monkeypatch.setitem(sys.modules, name, None)


def test_peers_that_are_missing_are_rows_that_say_so(small):
    found = gibbs.benchmark(Settings(quick=True))
    missing = [row for row in found if row.peer in ("rbms", "thrml", "learnergy")]
    assert all(row.peer_ms is None and row.note.startswith("not installed") for row in missing)
    assert len(missing) == 3 * len({row.mode for row in found})


def test_every_mode_is_timed_against_its_own_products_and_every_peer(small):
    found = gibbs.benchmark(Settings(quick=True))
    for mode in (*machines.routes(), "integer"):
        rows = [row for row in found if row.mode == mode]
        assert all(row.ours_ms and row.limit_ratio for row in rows)
        assert {row.peer for row in rows} > {gibbs.BY_HAND, gibbs.BY_HAND_BFLOAT16, *gibbs.PEERS}
        assert rows[0].ratio == rows[0].limit_ratio


def test_goals_are_set_on_many_chains():
    goals = gibbs.goals(max(gibbs.CHAINS), ["float32", "integer"], {"float32": "two products/float32", "integer": "b"})
    assert goals[("integer", "thrml")] == 1 / 80
    assert goals[(machines.routes()[-1], "scikit-learn")] == 1 / 3
    assert list(gibbs.goals(1, ["float32"], {"float32": "bare"})) == [("float32", "bare")]
