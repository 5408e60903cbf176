"""What `genlatent score` does: a number for each row, and which rows are out of the ordinary."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from genlatent.cli.draws import TABLES, note
from genlatent.cli.opening import Opened, data_of, opened
from genlatent.cli.options import Common
from genlatent.cli.rows import ARRAYS, AT_ONCE, Verb, check_place, read_rows
from genlatent.cli.sample import parameters
from genlatent.cli.streams import readable, terminal_beside, writable
from genlatent.data.images import is_picture
from genlatent.data.notes import write_beside
from genlatent.data.npz import write_npz
from genlatent.data.table import Table
from genlatent.data.written import write_npy, write_table
from genlatent.errors import RecipeError, Unsupported
from genlatent.evaluation.verbs import overridden
from genlatent.numerics.randomness import drawing_from, stream

SCORE = Verb("score", "scores")

LIKELIHOOD, ENERGY, RECONSTRUCTION = "likelihood", "energy", "reconstruction"


class Asked(NamedTuple):
    """What the command line says."""

    run: Path
    file: Path | None
    out: Path | None
    label: str | None
    by: str
    outliers: float | None
    samples: int


class Kind(NamedTuple):
    """One way to score: its name in the file, its unit, and whether a large number is a typical row."""

    name: str
    unit: str
    typical: bool
    ask: Callable[..., Tensor]


def answer(asked: Asked, how: Common) -> None:
    """Score rows, flag those that stand out, write a table and say where it is."""
    terminal = terminal_beside(asked.out, how)
    check_place(asked.file, asked.out, ARRAYS)
    out = asked.out or Path("scores.csv")
    job = opened(asked.run, how.device, how.allow_import)
    kind = _kind(job.model, asked)
    with readable(asked.file) as file:
        x, y = read_rows(SCORE, job, file, asked.label)
        names = _names(file, len(x))
    values = _scored(job, kind, x, y, how.seed)
    limit = None if asked.outliers is None else _limit(job, kind, asked.outliers, asked.label, how.seed)
    flags = None if limit is None else (values < limit if kind.typical else values > limit)
    columns = {"row": names, kind.name: values.float().numpy(force=True)}
    if flags is not None:
        columns["outlier"] = flags.numpy(force=True).astype(np.int64)
    with writable(out, ".csv") as place:
        _write(columns, kind.name, place, job.about, how.seed)
    terminal.say(f"{len(values)} rows, {kind.name} ({kind.unit}) by {type(job.model).__name__} of {asked.run} -> {out}")
    if flags is not None:
        terminal.say(f"{int(flags.sum())} outliers: {'below' if kind.typical else 'above'} {limit:.4g}")
    found = {"run": str(asked.run), "out": str(out), "by": kind.name, "unit": kind.unit, "rows": len(values)}
    found |= {"mean": float(values.mean()), "limit": limit, "seed": how.seed}
    terminal.result(found | {"outliers": None if flags is None else int(flags.sum())})


def _kind(model: Any, asked: Asked) -> Kind:
    """The way to score that was asked for, or the first that this model has."""
    known = dict(_kinds(model, asked.samples))
    if not known:
        raise Unsupported(f"{type(model).__name__} says nothing of single rows, so they cannot be scored")
    if asked.by != "auto" and asked.by not in known:
        raise RecipeError(f"{type(model).__name__} scores by {' or '.join(known)}, got --by {asked.by}")
    return known[next(iter(known)) if asked.by == "auto" else asked.by]


def _kinds(model: Any, samples: int) -> list[tuple[str, Kind]]:
    found = []
    if hasattr(model, "log_weights") or hasattr(model, "bits_per_dimension"):
        how = {"num_samples": samples} if "num_samples" in parameters(model, "score") else {}
        found.append(
            (LIKELIHOOD, Kind("log-likelihood", "nats", True, lambda x, **told: model.score(x, **told, **how)))
        )
    elif model.family == "energy" and overridden(model, "score"):
        found.append((ENERGY, Kind("energy", "nats", False, lambda x, **told: -model.score(x, **told))))
    if overridden(model, "reconstruct") or overridden(model, "encode"):
        found.append((RECONSTRUCTION, Kind("reconstruction-error", "squared", False, _error_of(model))))
    return found


def _error_of(model: Any) -> Callable[..., Tensor]:
    def error(x: Tensor, **told: Any) -> Tensor:
        told = {name: value for name, value in told.items() if name in parameters(model, "reconstruct")}
        return (model.reconstruct(x, **told) - x).flatten(1).nan_to_num().square().sum(1)

    return error


def _scored(job: Opened, kind: Kind, x: Tensor, y: Tensor | None, seed: int) -> Tensor:
    """The number of each row, some rows at a time."""
    known = parameters(job.model, "score")
    if y is not None and "y" not in known:
        raise RecipeError(f"{type(job.model).__name__} scores rows without labels; leave --label out")
    told: dict[str, Any] = {}
    if "generator" in known:
        told["generator"] = stream(seed, job.device, name="score")
    found = []
    for start in range(0, len(x), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        beside = {} if y is None else {"y": y[part]}
        found.append(kind.ask(x[part], **beside, **told).detach().double())
    return torch.cat(found)


def _limit(job: Opened, kind: Kind, share: float, label: str | None, seed: int) -> float:
    """The number beyond which that share of the training rows lies."""
    data = data_of(job, advice="outliers are told by the training rows, so leave --outliers out")
    if job.model.conditional and (label is not None or data.labels is None):
        raise RecipeError("outliers are told by training rows with their labels; leave --label or --outliers out")
    with drawing_from(stream(seed, data.test.device, name="training rows")):
        x = data.observe(data.glimpse()).to(job.device)
    step = -(-len(data.train) // len(x)) if len(x) < len(data.train) else 1
    y = data.labels.train[::step].to(job.device) if job.model.conditional and data.labels is not None else None
    scores = _scored(job, kind, x, y, seed)
    return float(torch.quantile(scores, share if kind.typical else 1 - share))


def _names(file: Path | None, number: int) -> np.ndarray:
    """What the user calls each row: the picture's file, or the row's number from 0."""
    if file is not None and file.is_dir():
        pictures = sorted(path for path in file.rglob("*") if is_picture(path) and path.is_file())
        return np.array([str(path.relative_to(file)) for path in pictures], dtype=object)
    if file is not None and is_picture(file):
        return np.array([file.name], dtype=object)
    return np.arange(number)


def _write(columns: dict[str, np.ndarray], name: str, place: Path, about: Mapping[str, Any], seed: int) -> None:
    """A table, or the numbers alone."""
    if place.suffix.lower() in TABLES:
        write_table(Table(columns), place, note(about, seed))
        return
    if place.suffix.lower() == ".npy":
        write_npy(columns[name], place)
        write_beside(place, note(about, seed))
        return
    flags = {key: value for key, value in columns.items() if key == "outlier"}
    write_npz(place, x=columns[name], seed=np.array(seed, np.int64), **flags)
