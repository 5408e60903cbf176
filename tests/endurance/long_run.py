"""Hours of training and sampling in one process, watched from outside: how much memory it holds, and how many files."""

import gc
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from genlatent import fit, load, load_data
from genlatent.cli.draws import write
from genlatent.components import build
from genlatent.errors import Unsupported
from genlatent.training.callbacks import Callback
from tests.endurance.acts import command, few
from tests.test_models import EXAMPLES

PAGE = os.sysconf("SC_PAGE_SIZE")
HOUR, MIB = 3600.0, 2.0**20
EVERY, FEWEST = 6.0, 12  # seconds between looks, unless there would be fewer
WARM = 1 / 3  # of the time, in which caches may still fill
COPIES = 20  # of the digits, so that an epoch, of which a row is kept, takes about a second


class Look(NamedTuple):
    """One look at a process."""

    seconds: float
    memory: float  # MiB
    files: int


class Watch:
    """Looks at this process, once in a while, for so long."""

    def __init__(self, seconds: float, families: Sequence[str]):
        self.start, self.seconds, self.families = time.monotonic(), seconds, families
        self.pause = min(EVERY, seconds / FEWEST)
        self.looks: list[Look] = []

    @property
    def over(self) -> bool:
        """Whether the time is up; looks, if a look is due."""
        now = time.monotonic() - self.start
        if not self.looks or now - self.looks[-1].seconds >= self.pause:
            self.looks.append(look(now))
        return now >= self.seconds and len(self.looks) >= FEWEST


def look(now: float) -> Look:
    """Memory that is resident once garbage is collected, and files that are open."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Look(now, pages * PAGE / MIB, len(os.listdir("/proc/self/fd")))


def after_warming(looks: list[Look]) -> list[Look]:
    """The looks at the part of the time that counts."""
    return [each for each in looks if each.seconds >= WARM * looks[-1].seconds]


def slope(looks: list[Look]) -> float:
    r"""MiB in an hour: the median of :math:`(m_j - m_i) / (t_j - t_i)` over all pairs of looks.

    References:
        Estimates of the Regression Coefficient Based on Kendall's Tau (Sen, 1968)

    >>> slope([Look(t, 100 + t / 3600, 5) for t in range(9)])
    1.0
    """
    t, m = (np.array([getattr(each, name) for each in looks]) for name in ("seconds", "memory"))
    i, j = np.triu_indices(len(looks), 1)
    return round(float(np.median((m[j] - m[i]) / (t[j] - t[i]))) * HOUR, 6)


class StopWhenOver(Callback):
    """Ends a training when the watch says so."""

    def __init__(self, watch: Watch):
        self.watch = watch

    def tick(self, trainer: Any) -> None:
        """After every step."""
        if self.watch.over:
            trainer.stop("the time is up")


def train(watch: Watch, place: Path) -> int:
    """One training all the while, with a checkpoint every second; how many epochs it made."""
    digits = load_data("digits", binarise="dynamic")
    assert digits.labels is not None
    labels = digits.labels._replace(train=digits.labels.train.repeat(COPIES))
    data = replace(digits, train=digits.train.repeat(COPIES, 1, 1, 1), labels=labels)
    model: Any = build(EXAMPLES["rbm"], "model")
    history = fit(
        model,
        data,
        epochs=10**6,
        validate_every=1,
        mode="traced",
        run=place / "long",
        checkpoint_seconds=1,
        callbacks=[StopWhenOver(watch)],
    )
    assert history.stopped == "the time is up"
    return len(history.rows)


def turn(watch: Watch, place: Path) -> int:
    """A training, a checkpoint, a model that is read again and draws that are written, again and again; how often."""
    done = 0
    for number in count():
        for family in watch.families:
            if watch.over:
                return done
            run: Path = place / f"{family}-{number}"
            model: Any = build(EXAMPLES[family], "model")
            fit(model, few(), steps=4, mode=("eager", "traced")[number % 2], run=run)
            draw(load(run), run, place)
            shutil.rmtree(run)
            done += 1
    raise AssertionError


def draw(model: Any, run: Path, place: Path) -> None:
    """Draws by the command and by the library, where the model has any; what it is told is asked of the library."""
    if not model.conditional and model.family != "autoencoder":
        assert command(str(place), ["sample", str(run), "-n", "8", "--quiet", "--out", "x.npz"]) == 0
    try:
        write(model.sample(8), place / "x.png", {"shape": model.event_shape}, seed=0)
    except Unsupported:
        assert model.family == "autoencoder"


def main(minutes: str, place: str, niceness: str, *families: str) -> None:
    """Half of the time many turns of these families, or of all, half of it one training; seen in `place/WORK.json`."""
    os.nice(int(niceness))
    torch.set_num_threads(1)
    turn(Watch(0.0, families[:1] or ("rbm",)), Path(place))  # what is imported only when it is asked for
    for work in (turn, train):
        watch = Watch(60 * float(minutes) / 2, families or tuple(EXAMPLES))
        done = work(watch, Path(place))
        (Path(place) / f"{work.__name__}.json").write_text(json.dumps({"done": done, "looks": watch.looks}))


if __name__ == "__main__":
    main(*sys.argv[1:])
