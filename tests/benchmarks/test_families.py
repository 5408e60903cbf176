import os

import pytest
import torch

from benchmarks import families
from benchmarks.families import Compilation
from benchmarks.harness import Settings
from genlatent.training.mode import compiler_found
from genlatent.training.step import Outcome


def outcome(value, gradient) -> Outcome:
    return Outcome(torch.tensor(value), {}, {"w": torch.tensor(gradient)}, {}, {})


def test_difference_is_relative_to_the_largest_number():
    one, other = outcome(2.0, [1.0, -4.0]), outcome(2.0, [1.1, -4.0])
    assert families.difference(one, other) == pytest.approx(0.1 / 4)
    assert families.difference(one, one) == 0


def test_what_rounding_left_over_is_no_difference():
    one, other = (outcome(2.0, [-4.0])._replace(gradients=g) for g in rounded(1e-8, 3e-8))
    assert families.difference(one, other) < 1e-5


def rounded(*biases):
    return [{"w": torch.tensor([-4.0]), "b": torch.tensor([bias])} for bias in biases]


@pytest.mark.parametrize(
    ("done", "words"),
    [
        (Compilation(12.34, 0.51, 1e-7, "compiled"), "compiled in 12.3 s, found on disk in 0.5 s; same numbers"),
        (Compilation(1.0, 0.5, 0.2, "compiled"), "0.2 from traced"),
        (Compilation(None, None, None, "traced"), "does not compile: runs traced"),
    ],
)
def test_a_compilation_in_words(done, words):
    assert words in families.said(done)


def test_the_users_cache_is_left_alone(monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "mine")
    with families.empty_cache():
        assert os.environ["TORCHINDUCTOR_CACHE_DIR"] != "mine"
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == "mine"


@pytest.mark.slow
@pytest.mark.skipif(not compiler_found(), reason="there is no C++ compiler")
def test_a_family_is_timed_in_every_mode(monkeypatch):
    monkeypatch.setattr(families, "QUICK", ("vae",))
    monkeypatch.setattr(Settings, "seconds", lambda *_: 0.0)
    traced, compiled = families.benchmark(Settings(quick=True))
    assert (traced.work, traced.mode, compiled.mode) == ("vae", "traced", "compiled")
    assert "same numbers as traced" in compiled.note
    assert compiled.ours_ms
    assert compiled.peer_ms == traced.peer_ms
