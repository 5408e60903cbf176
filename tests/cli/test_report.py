import json
import shutil

import pytest

from genlatent.evaluation.record import Record
from tests.report.checking import alone

QUICK = ["--samples", 20, "--runs", 20, "--steps", 30]


@pytest.mark.parametrize("name", ["digits-autoencoder", "digits-vae", "digits-rbm"])
def test_a_run_is_told_in_one_file(name, runs, tmp_path, ask):
    run = shutil.copytree(runs / name, tmp_path / "a run & more")
    said = ask("report", run, *QUICK)
    assert said.code == 0, said.err
    text = (run / "report.html").read_text()
    page = alone(text)
    records = [Record.from_plain(values) for values in json.loads((run / "records.json").read_text())["records"]]
    for word in ("a run & more", "genlatent train", "digits", "threads", "torch", *(one.metric for one in records)):
        assert word in page.text
    before = (run / "records.json").stat().st_mtime_ns
    again = ask("report", run, *QUICK, "--out", tmp_path / "again.html", "--json")
    assert (run / "records.json").stat().st_mtime_ns == before, "records that hold are not found again"
    assert again.json["out"] == str(tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text() == text


def test_records_of_another_seed_or_effort_do_not_hold(runs, tmp_path, ask):
    run = shutil.copytree(runs / "digits-vae", tmp_path / "run")
    kept = []
    for more in ([], ["--seed", 1], ["--samples", 30]):
        assert ask("report", run, *QUICK, *more, "--quiet").code == 0
        kept.append(json.loads((run / "records.json").read_text())["asked"])
    assert [one["seed"] for one in kept] == [0, 1, 0]
    assert [one["samples"] for one in kept] == [20, 20, 30]


def test_a_report_is_html(runs, ask):
    said = ask("report", runs / "digits-vae", "--out", "report.pdf")
    assert said.code == 2
    assert "written as .html" in said.err
