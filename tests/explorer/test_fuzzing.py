"""Whatever is asked, the answer is one, or a refusal in a sentence; never a failure inside."""

import asyncio
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.explorer.asgi import call, refused
from tests.explorer.fuzzing import questions, spoilt

SUBJECTS = ("vae", "conditional-vae", "rbm")
SETTINGS = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def asked(page, path, body):
    """The answer to bytes at an address: right, or refused in a sentence, or busy."""
    answer = asyncio.run(call(page.app, "POST", path, body))
    if answer.status != 200:
        refused(answer)
        return
    json.loads(answer.body, parse_constant=lambda name: pytest.fail(f"{name} in an answer"))


def questions_of(page):
    about = page.get("/api/about").json()
    session = page.post("/api/chains", {"number": 2}).json().get("session", "none") if about["chains"] else "none"
    return questions(about, session)


@pytest.mark.parametrize("name", SUBJECTS)
@SETTINGS
@given(st.data())
def test_spoilt_questions_are_answered_or_refused(page, name, data):
    every = questions_of(page(name)) if name not in KNOWN else KNOWN[name]
    KNOWN[name] = every
    path = data.draw(st.sampled_from(sorted(every)))
    asked(page(name), path, spoilt(every[path], data.draw(st.randoms(use_true_random=False))))


KNOWN = {}
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)


@SETTINGS
@given(st.sampled_from(["/api/sample", "/api/row", "/api/chains", "/api/plane"]), JSON | st.binary(max_size=50))
def test_any_json_and_any_bytes_are_answered_or_refused(page, path, value):
    asked(page("rbm"), path, value if isinstance(value, bytes) else json.dumps(value).encode())


@pytest.mark.parametrize("name", SUBJECTS)
def test_right_questions_are_answered(page, name):
    """So what is refused above is refused for what was spoilt in it."""
    about = page(name).get("/api/about").json()
    for path, body in questions_of(page(name)).items():
        answer = page(name).post(path, body)
        if path == "/api/classes" and not about["condition"]["classes"]:
            assert answer.status_code == 422
        elif "/api/chains" in path and not about["chains"]:
            assert answer.status_code in (410, 422)
        else:
            assert answer.status_code == 200, (path, answer.text)
