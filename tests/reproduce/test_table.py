import pytest

from genlatent import storage
from genlatent.errors import RunError
from genlatent.reproduce import table
from genlatent.reproduce.ledger import Nothing
from genlatent.reproduce.reading import read, shipped
from genlatent.reproduce.record import record


def test_what_has_no_record_is_listed_as_not_run():
    rows = table.listed({})
    assert {row["name"] for row in rows} == set(shipped())
    assert {row["ours"] for row in rows} == {"not run"}


def test_records_of_a_folder_and_of_the_users_own(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = record("small", read(small).content, "genlatent reproduce small", Nothing(), {"machine": "m"})
    storage.write_json(tmp_path / "kept" / "small.json", made)
    storage.write_json(tmp_path / "reproductions" / "own" / "record.json", made | {"name": "own"})
    assert set(table.records(tmp_path / "kept")) == {"small"}
    assert "own" in table.records()
    rows = table.listed(table.records(tmp_path / "kept"))
    assert next(row["model and data"] for row in rows if row["name"] == "small").startswith("a machine; ")
    assert table.markdown(rows).splitlines()[0].startswith("| name | model and data | published | ours |")


def test_what_is_no_record_is_refused(tmp_path):
    storage.write_json(tmp_path / "other.json", {"format": 0})
    with pytest.raises(RunError, match="is no record that this version"):
        table.records(tmp_path)


def test_a_row_shows_the_figure_its_source_and_the_verdict(small):
    made = record("small", read(small).content, "c", Nothing(), {"machine": "m"})
    first = table.row(made, made["parts"][0])
    assert first["published"] == "-7.5 [Q] A paper (2001)"
    assert first["goal: verdict"] == "at least -1000 in 1000 minutes: not run; at least 0: not run"
