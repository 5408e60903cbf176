"""Damaged files on the command line: one sentence and exit code 2, or an answer."""

import atexit
import contextlib
import io
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genlatent.cli.draws import write
from genlatent.cli.main import BAD_INPUT, answer
from genlatent.errors import LONGEST, DataError
from genlatent.recipes.reading import dump
from tests.endurance.fuzzing import runs
from tests.endurance.fuzzing.mutations import damaged

RECIPE = {
    "model": {"name": "vae", "latent": 1, "encoder": {"name": "mlp", "hidden": [3]}, "decoder": "mlp"},
    "data": {"name": "digits"},
    "train": {"steps": 1, "batch_size": 4, "mode": "eager", "matmul": "float32"},
}


def prepared(makers: list[Callable[[random.Random], Any]]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A trained model and a recipe, made once; then a damaged file of any format, and the verbs that take it."""
    place = Path(tempfile.mkdtemp(prefix="genlatent-commands-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    runs.trained("rbm", place / "run")
    (place / "x.yaml").write_text(dump(RECIPE))

    rows = (np.arange(40).reshape(10, 4) % 3 == 0).astype("f4")
    files = {
        f"rows{ending}": _written(rows, place / f"rows{ending}") for ending in (".npy", ".npz", ".csv", ".parquet")
    }
    files["gaps.csv"] = b"a,b,c,d\n" + b"0,1,,0\n1,,1,1\n0,0,NA,1\n" * 4

    def make(chance: random.Random) -> Any:
        if chance.random() < 0.5:
            return chance.choice(makers)(chance)
        name = chance.choice(list(files))
        sound = chance.random() < 0.2
        return name, files[name] if sound else damaged(chance, files[name], list(files.values()))

    def reader(chance: random.Random, path: Path) -> None:
        out = path.parent.parent / "out"
        verb = chance.choice(("train", "train", "impute", "score", "encode"))
        words = [verb, str(place / "run"), str(path), "--out", str(out / "x.csv")]
        if verb == "train":
            data = [f"data.path={path}", *chance.choice(([], ["data.support=auto"], ["data.missing=true"]))]
            words = ["train", str(place / "x.yaml"), *data, "--out", str(out), "--no-previews"]
        try:
            _said(words)
        finally:
            shutil.rmtree(out, ignore_errors=True)

    return make, reader


def _written(rows: np.ndarray, path: Path) -> bytes:
    """The rows as a file of the format that its ending says."""
    write(rows, path, runs.data().about(), seed=0)
    return path.read_bytes()


def _said(words: list[str]) -> None:
    """The command answers, or says one short sentence and ends with 2."""
    torch.manual_seed(0)
    with contextlib.redirect_stderr(io.StringIO()) as err, contextlib.redirect_stdout(io.StringIO()) as out:
        code = answer([*words, "--quiet"])
    text = err.getvalue()
    if code == 0:
        return
    wrong = code != BAD_INPUT or not text.startswith("genlatent: ") or text.count("\n") != 1
    if wrong or len(text) > 4 * LONGEST or "Traceback" in text or out.getvalue():
        raise AssertionError(f"{words} ended with {code} and said {text[:500]!r} {out.getvalue()[:200]!r}")
    raise DataError(text)
