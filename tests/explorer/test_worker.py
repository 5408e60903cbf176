"""The queue before the model, and the sessions of chains."""

import threading

import pytest

from genlatent.explorer.sessions import Gone, Sessions
from genlatent.explorer.worker import Busy, Worker


@pytest.fixture
def gated():
    """A worker that is held up, and the gate that lets it go on."""
    worker, gate, begun = Worker(waiting=2), threading.Event(), threading.Event()

    def hold():
        begun.set()
        gate.wait(30)

    worker.submit(hold)
    begun.wait(10)
    yield worker, gate
    gate.set()
    worker.close()


def test_who_finds_the_queue_full_is_turned_away(gated):
    worker, gate = gated
    first, second = worker.submit(lambda: 1), worker.submit(lambda: 2)
    with pytest.raises(Busy, match="2 questions"):
        worker.submit(lambda: 3)
    gate.set()
    assert [first.result(10), second.result(10)] == [1, 2]


def test_work_of_somebody_who_went_away_is_not_begun(gated):
    worker, gate = gated
    done = []
    gone, here = worker.submit(lambda: done.append("gone")), worker.submit(lambda: done.append("here"))
    assert gone.cancel()
    gate.set()
    here.result(10)
    assert done == ["here"]


def test_an_error_is_told_and_the_next_is_answered(gated):
    worker, gate = gated
    bad, good = worker.submit(lambda: 1 / 0), worker.submit(lambda: 1)
    gate.set()
    with pytest.raises(ZeroDivisionError):
        bad.result(10)
    assert good.result(10) == 1


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_the_session_unused_for_longest_gives_way():
    clock = Clock()
    sessions = Sessions(most=2, idle=100, abandoned=5, clock=clock)
    first, second = sessions.add("a"), sessions.add("b")
    with pytest.raises(Busy, match="2 sessions"):
        sessions.add("c")
    clock.now = 6
    sessions.get(first)
    third = sessions.add("c")
    assert [sessions.get(name) for name in (first, third)] == ["a", "c"]
    with pytest.raises(Gone):
        sessions.get(second)


def test_what_nobody_asks_for_is_forgotten():
    clock = Clock()
    sessions = Sessions(idle=60, clock=clock)
    name = sessions.add("a")
    clock.now = 61
    sessions.expire()
    assert len(sessions) == 0
    with pytest.raises(Gone, match="ended"):
        sessions.get(name)


def test_names_cannot_be_guessed():
    sessions = Sessions(most=8)
    names = {sessions.add(number) for number in range(8)}
    assert len(names) == 8
    assert all(len(name) >= 20 for name in names)
