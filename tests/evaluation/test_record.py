import json
import math

import pytest

from genlatent.evaluation.record import HEADER, Record, table


@pytest.mark.parametrize("verdict", ["ok", "doubtful", "failed"])
@pytest.mark.parametrize("interval", [None, (-1e-300, 0.1 + 0.2)])
@pytest.mark.parametrize("value", [0.0, -86.34, 1 / 3, 5e-324, 1.7e308])
def test_plain_values_round_trip_through_json(value, interval, verdict):
    record = Record("m", value, "by hand", interval=interval, samples=3, verdict=verdict, reason="because")
    assert Record.from_plain(json.loads(json.dumps(record.plain()))) == record


def test_a_verdict_other_than_ok_needs_its_reason():
    with pytest.raises(ValueError, match="needs its reason"):
        Record("m", 1.0, "by hand", verdict="failed")
    with pytest.raises(ValueError, match="verdict must be one of"):
        Record("m", 1.0, "by hand", verdict="fine")


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_number_that_is_not_finite_is_never_ok(value):
    assert Record("m", value, "by hand").verdict == "failed"


def test_a_record_cannot_be_changed():
    with pytest.raises(AttributeError):
        Record("m", 1.0, "by hand").value = 2.0


def test_the_table_has_a_column_for_everything():
    rows = table([Record("m", 1.5, "by hand", interval=(1.0, 2.0), samples=10, rows=5, data="digits")])
    assert rows[0] == HEADER
    assert rows[1] == ("m", "1.500", "1.000 .. 2.000", "", "by hand", "10", "5", "digits", "ok", "")
