import sys

import pytest
import torch

from benchmarks import update
from benchmarks.harness import Settings
from genlatent.energy.dbm import DeepBoltzmannMachine
from genlatent.objectives.base import Batch
from genlatent.objectives.contrastive import ContrastiveDivergence
from genlatent.training.graph import ProductShapes


@pytest.fixture
def small(monkeypatch):
    """Machines and an amount of work that take no time."""
    for name, value in {"ROWS": 40, "BATCH": 8, "VISIBLE": 12, "HIDDEN": 5, "DEEP": (5, 4), "SWEEPS": 2}.items():
        monkeypatch.setattr(update, name, value)
    monkeypatch.setattr(update, "variants", lambda: [("traced", "float32")])
    monkeypatch.setattr(Settings, "seconds", lambda self, full, quick: 0.0)


def test_every_peer_and_the_products_are_rows(small):
    found = update.benchmark(Settings(quick=True))
    assert [row.work[:3] for row in found] == ["RBM"] * 3 + ["DBM"]
    assert {row.peer for row in found[:3]} == set(update.PEERS)
    assert all(row.ours_ms and row.limit_ratio for row in found)
    assert found[-1].ratio == found[-1].limit_ratio


def test_a_missing_peer_is_a_row_that_says_so(small, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "rbms"] + ["rbms", "rbms.classes"]:
        monkeypatch.setitem(sys.modules, name, None)
    row = next(row for row in update.benchmark(Settings(quick=True)) if row.peer == "rbms")
    assert (row.peer_ms, row.ratio) == (None, None)
    assert row.note.startswith("not installed")


def test_the_deep_machine_does_no_more_products_than_are_counted(small):
    """Counted in multiplications: its free energies of data and chains come from one product of twice the rows."""
    objective, model = ContrastiveDivergence(chains=8, sweeps=2), DeepBoltzmannMachine(12, (5, 4))
    x = torch.zeros(8, 12)
    state = objective.init(model, x)
    with ProductShapes() as products:
        loss = objective(model, Batch(x), state)
        torch.autograd.grad(loss.value, list(model.parameters()))
    done, counted = (sum(a * b * c for a, b, c in shapes) for shapes in (products.shapes, update.deep_products()))
    assert counted <= done <= 1.6 * counted
