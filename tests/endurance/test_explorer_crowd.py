"""The page under siege: five hundred clients for a minute, and a hundred thousand questions that no page would ask."""

import asyncio
import collections
import gc
import json
import os
import resource
import time
from pathlib import Path

import pytest

from tests.endurance import records
from tests.explorer import clients, conftest
from tests.explorer.asgi import call, refused
from tests.explorer.fuzzing import chooser, questions, spoilt
from tests.explorer.test_serving import run  # noqa: F401  (a fixture)

COMMAND = "pytest -m campaign tests/endurance/test_explorer_crowd.py"
CLIENTS, SECONDS = 500, 60
WARM = 10.0  # seconds
GROWTH = 20  # MiB
INPUTS = int(os.environ.get("GENLATENT_INPUTS", 100_000))
SHARES = {"vae": 0.5, "conditional-vae": 0.4, "rbm": 0.1}  # of them; chains take their time

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(3600 * 3)]


def test_five_hundred_clients_for_a_minute(run):  # noqa: F811  (the fixture)
    """Each is answered 200 or 429, again and again, and the server is no larger afterwards than when it was warm."""
    began = time.monotonic()
    with clients.serving(run) as server:
        asyncio.run(clients.crowd(server.url, CLIENTS, WARM))
        warm, open_files = clients.resident(server), clients.files(server)
        counts = asyncio.run(clients.crowd(server.url, CLIENTS, SECONDS))
        growth = clients.resident(server) - warm
        time.sleep(1)
        assert clients.files(server) <= open_files + 5
        assert asyncio.run(clients.crowd(server.url, 1, 1)).keys() == {200}
    records.keep(
        "explorer_crowd",
        f"{COMMAND} -k clients",
        (time.monotonic() - began) / 60,
        clients=CLIENTS,
        seconds=SECONDS,
        answered_200=counts.get(200, 0),
        answered_429=counts.get(429, 0),
        answered_otherwise=sum(counts.values()) - counts.get(200, 0) - counts.get(429, 0),
        MiB_when_warm=round(warm),
        MiB_grown=round(growth, 1),
    )
    assert set(counts) <= {200, 429}
    assert growth < GROWTH


def resident():
    """MiB of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


async def siege(page, number, seed):
    """How often each status was answered to spoilt questions, one after another."""
    about = page.explorer.about
    counts, draw, asked, session = collections.Counter(), chooser(seed), {}, "none"
    for turn in range(number):
        if turn % 500 == 0:
            if about["chains"]:
                started = await call(page.app, "POST", "/api/chains", b'{"number": 2}')
                session = json.loads(started.body).get("session", "none")
            asked = questions(about, session)
        path = draw.choice(sorted(asked))
        answer = await call(page.app, "POST", path, spoilt(asked[path], draw))
        counts[answer.status] += 1
        if answer.status != 200:
            refused(answer)
    return counts


@pytest.mark.parametrize("name", SHARES)
def test_spoilt_questions(name):
    """Never a failure inside, and no memory of what was refused."""
    began, page = time.monotonic(), conftest.Page(conftest.explorer_of(name))
    asyncio.run(siege(page, 2000, seed=1))
    gc.collect()
    warm, number = resident(), round(SHARES[name] * INPUTS)
    counts = asyncio.run(siege(page, number, seed=2))
    gc.collect()
    growth = resident() - warm
    page.explorer.worker.close()
    records.keep(
        f"explorer_fuzzing_{name.replace('-', '_')}",
        f"{COMMAND} -k {name}",
        (time.monotonic() - began) / 60,
        inputs=number,
        answered=counts[200],
        refused_in_a_sentence=sum(count for status, count in counts.items() if 400 <= status < 500),
        failed=sum(count for status, count in counts.items() if status >= 500),
        MiB_grown=round(growth, 1),
    )
    assert not [status for status in counts if status >= 500]
    assert growth < GROWTH
