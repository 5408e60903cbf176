"""Trainings and commands that are killed, and what is asked of what they leave."""

import itertools
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.endurance.soundness import assert_readable, assert_same_run, contents, leftovers
from tests.endurance.stage import KILL, Knock, stage

TRAIN, COMMAND = "tests.endurance.acts:train", "tests.endurance.acts:command"
CONTINUED = ".part"  # of a download, with which the next one goes on
EARLIEST, LATEST = 0.05, 0.95  # of the time that an act takes, in which it is killed


class Killed(NamedTuple):
    """How often, and where a process stood when it was killed at a moment that chance chose."""

    anywhere: int
    writing: int


def kill_training(act: str, family: str, mode: str, place: Path, kills: int, seed: int = 0) -> Killed:
    """Kill a training so many times, in turn at a random moment and at a random call of a checkpoint's writing."""
    whole, chance, counts = place / "whole", random.Random(f"{family} {seed}"), [0, 0]
    done = stage().act(act, family, whole, mode, knock=Knock(whole))
    assert done.code == 0, done.said
    for number in itertools.count():
        broken = place / f"broken-{number}"
        while sum(counts) < kills:
            writing = sum(counts) % 2
            knock = Knock(broken / "checkpoints", KILL, chance.randint(1, done.knocks // 2)) if writing else None
            later = None if writing else chance.uniform(EARLIEST, LATEST) * done.seconds
            ending = stage().act(act, family, broken, mode, kill_after=later, knock=knock)
            if not ending.killed:
                assert ending.code == 0, ending.said
                break
            counts[writing] += 1
            assert_readable(broken)
        assert stage().act(act, family, broken, mode).code == 0
        assert_same_run(whole, broken)
        shutil.rmtree(broken)
        if sum(counts) >= kills:
            return Killed(*counts)
    raise AssertionError


def kill_checkpoint(act: str, family: str, mode: str, place: Path, calls: list[int]) -> int:
    """Kill a training at each of these calls below its folder; every time it must end as if nothing had been."""
    whole, broken = place / "whole", place / "broken"
    done = stage().act(act, family, whole, mode, knock=Knock(whole))
    assert done.code == 0, done.said
    for call in calls:
        ending = stage().act(act, family, broken, mode, knock=Knock(broken, KILL, 1 + call % done.knocks))
        assert ending.killed, ending.said
        assert_readable(broken)
        ending = stage().act(act, family, broken, mode)
        assert ending.code == 0, ending.said
        assert_same_run(whole, broken)
        shutil.rmtree(broken)
    return len(calls)


class Writer(NamedTuple):
    """A command that writes, without and with what it finds already there, and what it leaves."""

    act: str
    how: tuple[Any, ...]  # after the folder
    new: dict[str, Any]
    old: dict[str, bytes]
    calls: int
    seconds: float
    again: int = 0  # exit code of the same command once all is there


def rehearse(act: str, how: tuple[Any, ...], place: Path, prepared: Path, again: int = 0) -> Writer:
    """See what a command leaves of a prepared folder when nobody disturbs it."""
    shutil.copytree(prepared, place)
    old = contents(place)
    done = stage().act(act, place, *how, knock=Knock(place))
    assert done.code == 0, done.said
    assert not leftovers(place)
    return Writer(act, how, contents(place), old, done.knocks, done.seconds, again)


def moments(writer: Writer, place: Path, kills: int, seed: int = 0) -> Iterator[tuple[Knock | None, float | None]]:
    """Moments to kill at, without end: calls spread evenly, and every third one a random time."""
    chance = random.Random(seed)
    for number in itertools.count():
        if number % 3 == 2:
            yield None, chance.uniform(EARLIEST, LATEST) * writer.seconds
        else:
            yield Knock(place, KILL, 1 + number * writer.calls // kills % writer.calls), None


def kill_writer(writer: Writer, place: Path, prepared: Path, kills: int) -> int:
    """Kill a command so many times; nothing half-written may ever stand under a name, and the next one cleans up."""
    count = 0
    for knock, later in moments(writer, place, kills):
        if count == kills:
            break
        shutil.copytree(prepared, place)
        ending = stage().act(writer.act, place, *writer.how, kill_after=later, knock=knock)
        count += ending.killed
        assert ending.killed or ending.code == 0, ending.said
        found = contents(place)
        for name, content in found.items():
            if name.endswith(CONTINUED):
                continue
            assert content in (writer.new.get(name), writer.old.get(name)), f"{name} is neither the old nor the new one"
        assert found.keys() >= writer.old.keys(), "what was there is lost"
        ending = stage().act(writer.act, place, *writer.how)
        assert ending.code in (0, writer.again if found == writer.new else 0), ending.said
        assert contents(place) == writer.new
        assert not leftovers(place)
        shutil.rmtree(place)
    return count
