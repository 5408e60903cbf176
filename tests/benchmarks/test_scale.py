import math

import pytest

from benchmarks import harness, scale
from benchmarks.harness import Settings

SIZES = (1, 2, 4, 8)


@pytest.fixture
def small(monkeypatch, tmp_path):
    """One axis whose work takes no time."""
    sleepless = scale.Axis("items", SIZES, SIZES[:3], lambda size: lambda: [0.0] * size, "a list")
    monkeypatch.setattr(scale, "AXES", (sleepless,))
    monkeypatch.setattr(harness, "RESULTS", tmp_path)
    monkeypatch.setattr(Settings, "seconds", lambda self, full, quick: 0.0)
    return tmp_path


def test_a_full_run_draws_a_figure_for_each_axis(small):
    (row,) = scale.benchmark(Settings())
    assert row.work == "a list: 1 to 8 items"
    assert row.ratio is not None
    assert [path.name for path in small.iterdir()] == ["scale-items.png"]


def test_a_quick_run_draws_none(small):
    (row,) = scale.benchmark(Settings(quick=True))
    assert row.work == "a list: 1 to 4 items"
    assert not list(small.iterdir())


@pytest.mark.parametrize(("power", "verdict"), [(1.0, "no worse than linear"), (0.2, "no worse"), (1.5, "NOT linear")])
def test_growth_is_fitted_and_judged(power, verdict):
    axis = scale.Axis("items", SIZES, SIZES, lambda size: lambda: None, "a list")
    ms = [size**power for size in SIZES]
    (row,) = scale.judged(axis, SIZES, ms, [3.0 * size for size in SIZES])
    assert f"size^{power:.2f}, {verdict}" in row.note
    assert "memory 3.0 to 24.0 MiB, as size^1.00" in row.note
    assert row.ratio == pytest.approx(2 ** (power - 1))


def test_a_system_that_does_not_tell_of_memory_is_said_nothing_of(monkeypatch, tmp_path):
    monkeypatch.setattr(scale, "RESET", tmp_path / "none" / "clear_refs")
    assert scale.grown(lambda size: lambda: None, 3) is None
    axis = scale.Axis("items", SIZES, SIZES, lambda size: lambda: None, "a list")
    (row,) = scale.judged(axis, SIZES, [1.0] * 4, [None] * 4)
    assert "memory" not in row.note
    assert math.isfinite(scale.slope(SIZES, [1.0] * 4))


@pytest.mark.parametrize("axis", scale.AXES, ids=lambda axis: axis.what)
def test_every_axis_makes_work_that_can_be_done_again(axis, monkeypatch):
    monkeypatch.setattr(scale, "VISIBLE", 6)
    monkeypatch.setattr(scale, "UNITS", 4)
    call = axis.work(130 if axis.what == "data" else 4)
    call()
    call()
    assert axis.sizes[: len(axis.quick)] == axis.quick
