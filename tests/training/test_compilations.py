"""A compiled step is found again on disk, and the choice of mode knows it."""

import json

import pytest
import torch
from torch import nn

from genlatent import VAE, fit
from genlatent.training import compilations
from genlatent.training import fit as fits
from genlatent.training.mode import choose, compiler_found
from genlatent.training.step import Rows, Step

needs_compiler = pytest.mark.skipif(not compiler_found(), reason="there is no C++ compiler")
LARGE, CPU = nn.Linear(784, 400), torch.device("cpu")


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """An empty cache of compiled code."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    return tmp_path


def first_step(model, data) -> Step:
    step = Step(model, model.objective(), observe=data.observe, mode="compiled", num_rows=len(data.train))
    rows = Rows(data.train, None, torch.arange(32))
    step(rows, torch.zeros(()), {}, torch.Generator().manual_seed(0))
    return step


@needs_compiler
def test_a_short_training_is_compiled_where_that_is_soon_done():
    steps = 10_000
    assert choose("auto", LARGE, 128, steps, CPU) == "traced"
    assert choose("auto", LARGE, 128, steps, CPU, cost=1.0) == "compiled"
    assert choose("auto", LARGE, 128, 10, CPU, cost=1.0) == "traced"
    assert choose("auto", LARGE, 128, 10**6, CPU, cost=3600.0) == "traced", "and a long one is not where it takes hours"


def test_nothing_is_expected_of_a_step_that_was_never_compiled(cache):
    name = compilations.name_of(VAE((2,), latent=2), VAE((2,), latent=2).objective(), 32, 100)
    assert compilations.expected(name) is None
    assert compilations.expected(None) is None
    assert not list(cache.iterdir())


def test_the_first_time_is_cold_and_the_next_one_warm(cache):
    compilations.remember("some", 20.0)
    assert compilations.expected("some") == compilations.WARM_SHARE * 20
    compilations.remember("some", 1.5)
    assert compilations.expected("some") == 1.5
    assert compilations.expected("other") is None


def test_a_cache_that_cannot_be_written_is_none(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "file"))
    compilations.remember("some", 20.0)
    assert compilations.expected("some") is None


@pytest.mark.parametrize("other", [{"latent": 3}, {"batch_size": 64}, {"num_rows": 7}])
def test_every_step_has_a_name_of_its_own(other):
    def name(latent=2, batch_size=32, num_rows=100):
        model = VAE((2,), latent=latent)
        return compilations.name_of(model, model.objective(), batch_size, num_rows)

    assert name() == name()
    assert name() != name(**other)


def test_the_cache_is_where_torch_has_it(cache):
    assert compilations.folder() == cache


@pytest.mark.slow
@needs_compiler
def test_the_same_step_is_found_on_disk(cache, digits):
    from torch._dynamo.utils import counters

    before = counters["inductor"]["fxgraph_cache_hit"]
    for _ in range(2):
        torch.manual_seed(0)
        model = VAE((1, 8, 8), latent=2)
        step = first_step(model, digits)
        assert step.mode == "compiled"
    assert counters["inductor"]["fxgraph_cache_hit"] == before + 1
    name = compilations.name_of(model, model.objective(), 32, len(digits.train))
    (record,) = (cache / "genlatent").glob("*.json")
    assert record.stem == name
    times = json.loads(record.read_text())
    assert compilations.expected(name) == times["warm"] < times["cold"] / 2


def test_fit_asks_what_is_known_of_its_own_step(cache, digits, monkeypatch):
    asked = []
    monkeypatch.setattr(fits.modes, "choose", lambda *args: asked.append(args[-1]) or "traced")
    model = VAE((1, 8, 8), latent=2)
    compilations.remember(compilations.name_of(model, model.objective(), 64, len(digits.train)), 10.0)
    fit(model, digits, steps=1, batch_size=64)
    fit(model, digits, steps=1, batch_size=32)
    assert asked == [compilations.WARM_SHARE * 10, None]


def test_a_cache_that_cannot_be_written_costs_nothing_else(cache):
    (cache / "genlatent").write_text("a file where the folder should be")
    compilations.remember("name", 1.0)
    assert compilations.expected("name") is None
