import json

from benchmarks import records

MOST = 20 * 2**20  # bytes of the runs that are not finished


def test_the_page_shows_the_records():
    assert records.PAGE.read_text(encoding="utf-8") == records.shown()


def test_every_record_says_what_it_needs_to():
    for path in records.RECORDS.glob("*.json"):
        kept = json.loads(path.read_text())
        assert kept["name"] == path.stem
        assert kept["command"] == f"genlatent reproduce {path.stem}"
        assert {"versions", "machine", "minutes", "conditions", "selection"} <= set(kept)
        for part in kept["parts"]:
            assert all(seed["part"] == "test" for seed in part["seeds"])
            assert all(choice.get("part", "valid") == "valid" for choice in part["choices"])
            assert {cite["tag"] for cite in part["published"]} <= set("RQM")


def test_unfinished_runs_are_small():
    for run in records.RUNS.iterdir() if records.RUNS.is_dir() else ():
        assert sum(path.stat().st_size for path in run.rglob("*") if path.is_file()) <= MOST
