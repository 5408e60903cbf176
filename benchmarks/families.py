"""Every registered model's training step, eager, traced and compiled: what a step takes, and what compiling takes."""

import json
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmarks.harness import Row, Settings, interleaved, main
from benchmarks.training import Call, updates
from genlatent import registry
from genlatent.components import build
from genlatent.data.sources import load_data
from genlatent.training.compilations import folder
from genlatent.training.mode import compiler_found
from genlatent.training.step import Outcome, Rows, Step
from tests.test_models import EXAMPLES

BATCH = 100
QUICK = ("autoencoder", "vae", "rbm")
SECONDS = 3.0  # of timing, for each family
TOLERANCE = 1e-3  # of the largest number: what machine code may differ by, from the same draws


class Compilation(NamedTuple):
    """What a family's compilation took and gave."""

    cold: float | None  # seconds, with nothing on disk
    warm: float | None  # with everything on disk
    difference: float | None  # of loss and gradients from the traced step's, beside the largest of these
    mode: str  # in which the step ended up


def benchmark(settings: Settings) -> list[Row]:
    """Steps of every family on 8 x 8 digits: eager, traced and compiled in turns, with what compiling takes."""
    data = load_data("digits")
    assert isinstance(data.train, Tensor)
    assert data.labels is not None
    x, y = (data.train > 0.5).float(), data.labels.train
    names = [name for name in registry.KINDS["model"] if not settings.quick or name in QUICK]
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said in the rows: a step that fell back to another mode
        for name in names:
            rows += family(name, x, y, settings)
    return rows


def family(name: str, x: Tensor, y: Tensor, settings: Settings) -> list[Row]:
    """All rows of one model."""
    with empty_cache():
        done = compilation(name, x, y) if compiler_found() else None
        modes = ["eager", "traced", *(["compiled"] if done and done.mode == "compiled" else [])]
        calls = {mode: update(name, x, y, mode) for mode in modes}
        ms = interleaved(calls, settings.seconds(SECONDS, 1.0))
    rows = [Row(name, "traced", ms["traced"], "eager", ms["eager"])]
    if done is None:
        return [*rows, Row(name, "compiled", None, "eager", ms["eager"], note="there is no C++ compiler")]
    return [*rows, Row(name, "compiled", ms.get("compiled"), "eager", ms["eager"], note=said(done))]


def said(done: Compilation) -> str:
    """A compilation in words."""
    if done.mode != "compiled":
        return f"does not compile: runs {done.mode}"
    assert done.difference is not None
    times = f"compiled in {done.cold:.1f} s, found on disk in {done.warm:.1f} s"
    return f"{times}; {'same numbers as' if done.difference < TOLERANCE else f'{done.difference:.1g} from'} traced"


def compilation(name: str, x: Tensor, y: Tensor) -> Compilation:
    """Compile one family's step twice, the second time from what is on disk, and compare it with the traced one."""
    _, traced = first(name, x, y, "traced")
    step, compiled = first(name, x, y, "compiled")
    if step.mode != "compiled":
        return Compilation(None, None, None, step.mode)
    first(name, x, y, "compiled")
    (record,) = (folder() / "genlatent").glob("*.json")
    times = json.loads(record.read_text())
    return Compilation(times["cold"], times["warm"], difference(compiled, traced), step.mode)


def first(name: str, x: Tensor, y: Tensor, mode: str) -> tuple[Step, Outcome]:
    """The first step of a family, from the same weights and draws in every mode."""
    torch.manual_seed(1)
    model = build(EXAMPLES[name], "model")
    with torch.no_grad():
        model.prepare(x)
    step = Step(model, model.objective(), mode=mode, matmul="float32", num_rows=len(x))
    step.together.train()
    torch.manual_seed(2)
    state = step.together.objective.init(model, x)
    rows, generator = Rows(x, y, torch.arange(BATCH)), torch.Generator().manual_seed(3)
    return step, step(rows, torch.tensor(0.3), state, generator)


def difference(one: Outcome, other: Outcome) -> float:
    """The largest difference of loss and gradients, as a share of the largest number in each.

    A gradient a thousand times smaller than the largest one counts as zero: its numbers are left over by rounding.
    """
    pairs = [(one.value, other.value), *((g, other.gradients[name]) for name, g in one.gradients.items())]
    least = 1e-3 * max(float(g.abs().max()) for g in other.gradients.values())
    return max(float((a - b).abs().max() / b.abs().max().clamp(min=least)) for a, b in pairs)


def update(name: str, x: Tensor, y: Tensor, mode: str) -> Call:
    """One update of a family as a training makes it."""
    torch.manual_seed(1)
    model: Any = build(EXAMPLES[name], "model")
    return updates(model, x, torch.arange(BATCH), y=y, mode=mode)[0]


@contextmanager
def empty_cache() -> Iterator[None]:
    """Compile with nothing on disk, and leave the user's cache alone."""
    before = os.environ.get("TORCHINDUCTOR_CACHE_DIR")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(Path(place))
        try:
            yield
        finally:
            if before is None:
                del os.environ["TORCHINDUCTOR_CACHE_DIR"]
            else:
                os.environ["TORCHINDUCTOR_CACHE_DIR"] = before


if __name__ == "__main__":
    main("families", benchmark)
