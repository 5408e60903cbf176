import json
import time

import pytest

from benchmarks import harness
from benchmarks.harness import Row, Settings, interleaved


def test_candidates_take_turns_and_medians_are_per_call():
    order = []

    def slow():
        order.append("slow")
        time.sleep(0.002)

    found = interleaved({"slow": slow, "quick": lambda: order.append("quick")}, seconds=0.0, calls=2)
    assert order[: 2 * harness.WARM_UP] == ["slow", "quick"] * harness.WARM_UP
    rounds = [tuple(order[i : i + 4]) for i in range(2 * harness.WARM_UP, len(order), 4)]
    assert len(rounds) == harness.FEWEST
    assert set(rounds) == {("slow", "slow", "quick", "quick"), ("quick", "quick", "slow", "slow")}
    assert found["slow"] >= 1 > found["quick"] > 0


@pytest.mark.parametrize(
    ("row", "ratio", "said"),
    [
        (Row("work", "float32", 3.0, "peer", 2.0, goal=1.7), 1.5, "goal 1.70 reached"),
        (Row("work", "float32", 3.0, "peer", 2.0, goal=1.4, note="slow"), 1.5, "slow; goal 1.40 NOT reached"),
        (Row("work", "float32", 3.0, "peer", 2.0), 1.5, ""),
        (Row("work", "float32", 3.0, "peer", goal=1.4, note="not installed"), None, "not installed"),
    ],
)
def test_a_row_says_whether_its_goal_is_reached(row, ratio, said):
    assert (row.ratio, row.said) == (ratio, said)
    assert list(row.plain()) == ["work", "mode", "ours_ms", "peer", "peer_ms", "ratio", "limit_ratio", "note"]


def test_limit_ratio_is_ours_over_the_bare_products():
    assert Row("work", "float32", 3.0, "peer", None, 2.0).plain()["limit_ratio"] == 1.5


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setattr(harness, "RESULTS", tmp_path)
    return tmp_path


def rows(settings: Settings) -> list[Row]:
    """Rows without any timing."""
    return [Row("work", f"seed {settings.seed}", settings.seconds(3.0, 1.0), "peer", note="not installed")]


def test_json_is_one_object_and_a_full_run_is_kept(folder, capsys):
    harness.main("some", rows, ["--json", "--seed", "5"])
    printed = json.loads(capsys.readouterr().out)
    assert set(printed) == {"machine", "versions", "seed", "rows"}
    assert printed["rows"][0]["ours_ms"] == 3.0
    assert json.loads((folder / "some.json").read_text()) == printed


def test_a_quick_run_prints_its_table_and_keeps_nothing(folder, capsys):
    harness.main("some", rows, ["--quick"])
    assert "not installed" in capsys.readouterr().out
    assert not list(folder.iterdir())
