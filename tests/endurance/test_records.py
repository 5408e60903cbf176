from tests.endurance import records


def test_the_page_shows_what_the_campaigns_found_last():
    assert records.PAGE.read_text() == records.shown()


def test_a_result_is_kept_and_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "RESULTS", tmp_path)
    records.keep("knocks", "pytest -m campaign", 2.04, inputs=100_000, crashes=0)
    assert "| `pytest -m campaign` | inputs 100000; crashes 0 | 2.0 |" in records.table()
