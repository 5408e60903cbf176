"""Killed at any moment: no file is half there, a training ends with the same bits, and the next start cleans up."""

import http.server
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from genlatent.cli.main import answer
from genlatent.data import checksums
from tests.data.test_fetch import CONTENT, Server, amat
from tests.endurance import records
from tests.endurance.trials import TRAIN, kill_checkpoint, kill_training, kill_writer, rehearse
from tests.endurance.writers import VERBS, rehearsed
from tests.test_models import EXAMPLES

QUICK = ("sample npy", "sample folder", "encode")
KILLS, AT_LEAST = 12, 10  # of each command in the campaign
PAGE = "tests/endurance/test_crashes.py"
OF_EACH_FAMILY = 6
BITS = np.random.default_rng(0).integers(0, 2, (40, 784), dtype=np.uint8)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small machine that was trained: it answers every verb."""
    place = tmp_path_factory.mktemp("runs") / "digits-rbm"
    small = ["train.steps=3", "model.hidden=6", "objective.chains=20"]
    assert answer(["train", "digits-rbm", *small, "--out", str(place), "--quiet"]) == 0
    return place


@pytest.fixture
def server():
    """A server on this machine that has one file."""
    settings = {"content": CONTENT, "status": 200, "ranges": True, "stop": None, "asked": []}
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Server, settings))
    threading.Thread(target=running.serve_forever, daemon=True).start()
    settings["url"] = f"http://127.0.0.1:{running.server_port}"
    yield settings
    running.shutdown()
    running.server_close()


def killed_download(act, name, content, digest, server, place: Path, kills: int) -> int:
    """A download that finds an older file under its name."""
    server["content"] = content
    found = place / "prepared"
    (found / name).parent.mkdir(parents=True)
    (found / name).write_bytes(b"older")
    how = (server["url"], digest)
    return kill_writer(
        rehearse(f"tests.endurance.acts:{act}", how, place / "undisturbed", found), place / "killed", found, kills
    )


def killed_downloads(server, place: Path, kills: int) -> int:
    """As published, and turned into another form on arrival."""
    known = place / "known"
    known.write_bytes(CONTENT)
    arrays = {"bits": np.packbits(BITS, axis=1), "shape": np.array(BITS.shape)}
    plain = ("get", "mnist/data.gz", CONTENT, checksums.of_file(known))
    made = ("get_converted", "binarized_mnist/train.npz", amat(BITS), checksums.of_arrays(arrays))
    return sum(killed_download(*how, server, place / how[0], kills) for how in (plain, made))


@pytest.mark.parametrize("verb", QUICK)
def test_a_killed_command_leaves_the_old_file_or_the_new_one(verb, run, tmp_path):
    writer, found = rehearsed(verb, run, tmp_path)
    assert kill_writer(writer, tmp_path / "killed", found, kills=4) == 4


def test_a_killed_download_is_continued(server, tmp_path):
    assert killed_downloads(server, tmp_path, kills=4) == 8


@pytest.fixture(scope="module")
def tally():
    """Kills by kind, over the whole campaign; kept when it is over."""
    counts, start = Counter(), time.monotonic()
    yield counts
    named = {f"while_{name.replace(' ', '_')}": count for name, count in counts.items()}
    minutes = (time.monotonic() - start) / 60
    records.keep("crashes", f"pytest -m campaign {PAGE}", minutes, kills=sum(counts.values()), files_lost=0, **named)


@pytest.mark.campaign
@pytest.mark.parametrize("family", EXAMPLES)
def test_every_family_survives_kills(family, tally, tmp_path):
    killed = kill_training(TRAIN, family, "eager", tmp_path, OF_EACH_FAMILY, seed=1)
    tally.update(training=killed.anywhere, checkpointing=killed.writing)


@pytest.mark.campaign
@pytest.mark.timeout(1200)
def test_every_call_of_a_checkpoint_may_be_the_last(tally, tmp_path):
    tally["checkpointing"] += kill_checkpoint(TRAIN, "vae", "eager", tmp_path, list(range(120, 180)))


@pytest.mark.campaign
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("verb", VERBS)
def test_every_command_survives_kills(verb, tally, run, tmp_path):
    writer, found = rehearsed(verb, run, tmp_path)
    tally[verb] += kill_writer(writer, tmp_path / "killed", found, KILLS)
    assert tally[verb] >= AT_LEAST


@pytest.mark.campaign
def test_downloads_survive_kills(server, tally, tmp_path):
    tally["download"] += killed_downloads(server, tmp_path, KILLS)
    assert tally["download"] >= AT_LEAST


@pytest.mark.campaign
def test_there_were_enough_kills(tally):
    assert sum(tally.values()) >= 200
    assert min(tally["training"], tally["checkpointing"]) >= AT_LEAST
