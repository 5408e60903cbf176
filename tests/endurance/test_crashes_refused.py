"""A disk that is full, and folders that refuse: one sentence that says where and what to do, all else as it was."""

import errno
import os
import shutil
import time
from collections import Counter

import pytest

from genlatent.data import checksums
from tests.data.test_fetch import CONTENT
from tests.endurance import records
from tests.endurance.soundness import assert_readable, assert_same_run, contents, leftovers
from tests.endurance.stage import FAIL, Ending, Knock, stage
from tests.endurance.test_crashes import run, server  # noqa: F401  (fixtures)
from tests.endurance.trials import CONTINUED, TRAIN, Writer, rehearse
from tests.endurance.writers import VERBS, rehearsed

ERRORS = (errno.ENOSPC, errno.EACCES, errno.EROFS)
SAID = {error: os.strerror(error) for error in ERRORS} | {errno.ENOSPC: "No space left on device|the disk is full"}
TO_DO = ("make room", "may be written to", "look after the disk")
BAD_INPUT = 2
CALLS = 4  # of each command, spread evenly, from which on the disk fails
PAGE = "tests/endurance/test_crashes_refused.py"


def assert_sentence(ending: Ending, error: int, place) -> None:
    assert ending.code == BAD_INPUT, ending.said
    assert ending.said.count("\n") == 1, ending.said
    assert any(text in ending.said for text in SAID[error].split("|")), ending.said
    assert any(text in ending.said for text in TO_DO), ending.said
    assert any(name in ending.said for name in ("x.", "pictures", str(place), "here")), ending.said


def refuse(writer: Writer, found, place, error, calls) -> int:
    """The command, with a disk that fails from each of these calls on; how often it did."""
    count = 0
    for call in calls:
        desk = shutil.copytree(found, place / "desk")
        ending = stage().act(writer.act, desk, *writer.how, knock=Knock(desk, FAIL, call, error))
        if ending.code != 0:
            assert_sentence(ending, error, desk)
            count += 1
        for name, content in contents(desk).items():
            assert name.endswith(CONTINUED) or content in (writer.new.get(name), writer.old.get(name)), name
        assert error != errno.ENOSPC or not leftovers(desk), "a full disk lets go of what is unfinished"
        done = contents(desk) == writer.new
        ending = stage().act(writer.act, desk, *writer.how)
        assert ending.code in (0, writer.again if done else 0), ending.said
        assert contents(desk) == writer.new
        assert not leftovers(desk)
        shutil.rmtree(desk)
    return count


def refuse_training(place, error, calls) -> int:
    """A training whose disk fails from each of these calls on keeps its checkpoints, and goes on when there is room."""
    whole, broken = place / "whole", place / "broken"
    assert stage().act(TRAIN, "vae", whole).code == 0
    for call in calls:
        ending = stage().act(TRAIN, "vae", broken, knock=Knock(broken, FAIL, call, error))
        assert_sentence(ending, error, broken)
        if broken.exists():
            assert_readable(broken)
        assert error != errno.ENOSPC or not leftovers(broken)
        assert stage().act(TRAIN, "vae", broken).code == 0
        assert_same_run(whole, broken)
        shutil.rmtree(broken)
    return len(calls)


@pytest.mark.parametrize("error", ERRORS)
def test_a_command_that_cannot_write_says_where_and_what_to_do(error, run, tmp_path):  # noqa: F811
    writer, found = rehearsed("sample npy", run, tmp_path)
    assert refuse(writer, found, tmp_path, error, (1, 3)) == 2


@pytest.mark.parametrize("error", [errno.ENOSPC])
def test_a_training_keeps_the_checkpoint_before(error, tmp_path):
    assert refuse_training(tmp_path, error, (100, 170)) == 2


def download(server, place):  # noqa: F811
    """A download that finds an older file under its name."""
    known = place / "known"
    known.write_bytes(CONTENT)
    found = place / "prepared"
    (found / "mnist").mkdir(parents=True)
    (found / "mnist" / "data.gz").write_bytes(b"older")
    how = (server["url"], checksums.of_file(known))
    return rehearse("tests.endurance.acts:get", how, place / "undisturbed", found), found


@pytest.fixture(scope="module")
def tally():
    """Refusals by kind, over the whole campaign; kept when it is over."""
    counts, start = Counter(), time.monotonic()
    yield counts
    minutes = (time.monotonic() - start) / 60
    named = {name.replace(" ", "_"): count for name, count in counts.items()}
    records.keep("full-disks", f"pytest -m campaign {PAGE}", minutes, refusals=sum(counts.values()), **named)


@pytest.mark.campaign
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("verb", VERBS)
def test_every_command_refused_at_every_call(verb, error, tally, run, tmp_path):  # noqa: F811
    writer, found = rehearsed(verb, run, tmp_path)
    calls = range(1, 1 + writer.calls, max(1, writer.calls // CALLS))
    tally[verb] += refuse(writer, found, tmp_path, error, calls)


@pytest.mark.campaign
@pytest.mark.parametrize("error", ERRORS)
def test_downloads_refused_at_every_call(error, tally, server, tmp_path):  # noqa: F811
    writer, found = download(server, tmp_path)
    tally["download"] += refuse(writer, found, tmp_path, error, range(1, 1 + writer.calls))


@pytest.mark.campaign
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("error", ERRORS)
def test_trainings_refused_at_many_calls(error, tally, tmp_path):
    tally["training"] += refuse_training(tmp_path, error, range(1, 90, 90 // CALLS))
