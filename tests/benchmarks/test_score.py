import sys

import pytest

from benchmarks import score
from benchmarks.harness import Settings


@pytest.fixture
def small(monkeypatch):
    """Rows and draws that take no time."""
    for name, value in {"ROWS": 12, "SAMPLES": 10}.items():
        monkeypatch.setattr(score, name, value)
    monkeypatch.setattr(score, "modes", lambda: ("traced",))
    monkeypatch.setattr(Settings, "seconds", lambda self, full, quick: 0.0)


def test_a_missing_peer_is_a_row_that_says_so(small, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "pythae"] + ["pythae", "pythae.models"]:
        monkeypatch.setitem(sys.modules, name, None)
    found = score.benchmark(Settings(quick=True))
    assert {row.peer for row in found} == set(score.PEERS)
    assert all(row.peer_ms is None and row.ours_ms and row.limit_ratio for row in found)
    assert all(row.note.startswith("not installed") for row in found)
