"""Statistics that catch lies: every planted fault is caught by a test that passes without it."""

import time

import pytest

from tests.endurance import planting, records
from tests.endurance.faults import FAULTS
from tests.endurance.faults.fault import Fault, fault

COMMAND = "pytest -m campaign tests/endurance/test_planted_faults.py"
SWAPS = "sampling/test_swaps.py::test_swaps_happen_as_often_as_metropolis_says"

by_name = pytest.mark.parametrize("planted", [pytest.param(each, id=each.name) for each in FAULTS])


@by_name
def test_its_place_is_there_once_and_the_changed_file_compiles(planted: Fault):
    text = planted.planted(planting.ROOT)
    compile(text, planted.path, "exec")
    assert text != (planting.ROOT / planted.path).read_text()


@by_name
def test_the_tests_that_ought_to_catch_it_are_there(planted: Fault):
    assert planted.tests
    for test in planted.tests:
        file, _, name = test.partition("::")
        text = (planting.ROOT / "tests" / file).read_text()
        assert not name or f"def {name.partition('[')[0]}(" in text


def test_every_fault_is_listed_once_with_the_test_that_caught_it():
    rows = planting.LIST.read_text().splitlines()[2:]
    listed = [row.split("|")[1].strip() for row in rows]
    assert sorted(listed) == sorted(each.name for each in FAULTS)
    assert all("::test_" in row.split("|")[3] for row in rows)


def test_a_fault_is_caught_and_what_is_no_lie_is_not(tmp_path):
    lie = fault("lie", "sampling/swaps.py", "gain = own - other", "gain = other - own", SWAPS)
    harmless = fault("harmless", "sampling/swaps.py", "gain = own - other", "gain = -(other - own)", SWAPS)
    broken = fault("broken", "sampling/swaps.py", "gain = own - other", "gain = nothing - other", SWAPS)
    found = planting.plant([lie, harmless, broken], tmp_path)
    assert [each.caught is not None for each in found] == [True, False, False]
    assert str(found[0].caught).startswith(SWAPS)
    assert found[1].passed > 0
    assert found[2].said.startswith("NameError")


def test_a_place_that_is_gone_is_named():
    gone = fault("gone", "sampling/swaps.py", "no such words", "", SWAPS)
    with pytest.raises(ValueError, match=r"gone: 0 times in genlatent/sampling/swaps\.py, not once"):
        gone.planted(planting.ROOT)


@pytest.mark.campaign
@pytest.mark.timeout(7200)
def test_the_suite_catches_every_planted_fault(tmp_path):
    start = time.perf_counter()
    sound, *found = planting.plant([planting.SOUND, *FAULTS], tmp_path)
    assert sound.caught is None
    assert not sound.said
    survived = {each.name: each.said for each in found if each.caught is None}
    assert not survived
    planting.LIST.write_text(planting.table(found))
    minutes = (time.perf_counter() - start) / 60
    tests = {each.caught.partition("[")[0] for each in found if each.caught}
    counted = {"planted": len(found), "caught": len(found) - len(survived), "by_different_tests": len(tests)}
    records.keep("planted-faults", COMMAND, minutes, **counted, tests_that_pass_without_any=sound.passed)
