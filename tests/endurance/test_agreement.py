"""Whatever is computed in float32 is as near to float64 as rounding allows, and the published table says so."""

import json

import pytest

from tests.endurance import agreement, records


@pytest.mark.parametrize("quantity", agreement.MEASURES)
def test_float32_is_as_near_to_float64_as_rounding_allows(quantity):
    measure, _ = agreement.MEASURES[quantity]
    cases = list(measure())
    assert cases
    for one in cases:
        assert one.difference <= one.bound, f"{one.of}: {one.difference:.2g} is more than {one.bound:.2g}"


@pytest.mark.parametrize("quantity", ["energies", "free energies", "conditionals", "products on the fast route"])
def test_half_the_digits_would_not_pass(quantity, monkeypatch):
    """The bound is no blanket: results rounded to bfloat16 lie beyond it."""
    exact = agreement.case
    monkeypatch.setattr(agreement, "case", lambda of, single, *rest: exact(of, single.bfloat16().float(), *rest))
    assert any(one.difference > one.bound for one in agreement.MEASURES[quantity][0]())


def test_the_kept_table_has_every_quantity():
    kept = json.loads((records.RESULTS / "agreement.json").read_text())
    assert list(kept["found"]) == list(agreement.MEASURES)
