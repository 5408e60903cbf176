"""Verbs that take rows and give rows: what is read, how the model is asked, and where the answer is written."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from genlatent.cli.draws import TABLES, check_ending, default_place, note, write
from genlatent.cli.opening import Opened, as_learned, data_of, opened
from genlatent.cli.options import AboutRows, Common
from genlatent.cli.sample import parameters
from genlatent.cli.streams import STREAM, readable, terminal_beside, writable
from genlatent.data.arrays import read_npy
from genlatent.data.images import write_image
from genlatent.data.restored import filled, to_table
from genlatent.data.sources import load_rows
from genlatent.data.standards import in_own_units
from genlatent.data.tables import own_cells
from genlatent.data.written import write_table
from genlatent.distributions.supports import check
from genlatent.errors import DataError, RecipeError
from genlatent.numerics.randomness import stream

AT_ONCE = 1024  # rows
ARRAYS = (".npy", ".npz", *TABLES)  # that hold numbers of any shape


class Verb(NamedTuple):
    """One question to a model."""

    name: str  # the model's method
    made: str  # what its answer is called, and the file it is written to
    otherwise: str = ""  # the method of a model that has no such one
    takes_codes: bool = False
    gives_codes: bool = False
    noisy: bool = False  # whether rows may lie outside the support


DENOISE = Verb("denoise", "denoised", otherwise="reconstruct", noisy=True)
ENCODE = Verb("encode", "codes", gives_codes=True)
DECODE = Verb("decode", "decoded", takes_codes=True)
RECONSTRUCT = Verb("reconstruct", "reconstructions")
IMPUTE = Verb("impute", "imputed")


def answer(verb: Verb, asked: AboutRows, how: Common) -> None:
    """Read rows, ask the model of a run, write its answer and say where it is."""
    terminal = terminal_beside(asked.out, how)
    check_place(asked.file, asked.out, ARRAYS if verb.gives_codes else ())
    with readable(asked.file) as file:
        job = opened(asked.run, how.device, how.allow_import)
        x, y = read_rows(verb, job, file, asked.label)
        made = _asked(verb, job, x, y, how.seed)
        out = asked.out or _default_place(verb, job.about, file)
        ending = _default_place(verb, job.about, file).suffix
        _write(verb, made, out, job.about, how.seed, ending, file)
    terminal.say(f"{len(made)} rows, {verb.made} by {type(job.model).__name__} of {asked.run} -> {out}")
    source = None if asked.file is None else str(asked.file)
    found = {"run": str(asked.run), "file": source, "out": str(out), "seed": how.seed, "shape": list(made.shape)}
    terminal.result(found)


def check_place(file: Path | None, out: Path | None, numbers: Sequence[str] = ()) -> None:
    """Refuse a place to write to before anything is computed; `numbers` are the endings that will do for numbers."""
    if out is None:
        return
    if numbers and out.suffix.lower() not in numbers and str(out) != STREAM:
        raise RecipeError(f"{out}: codes are numbers and are written as {', '.join(numbers)}")
    check_ending(out)
    if file is not None and file.exists() and out.exists() and file.samefile(out):
        raise RecipeError(f"{out} is what is read; write to another file")


def _default_place(verb: Verb, about: Mapping[str, Any], file: Path | None) -> Path:
    ending = "" if file is None else file.suffix.lower()
    if verb.gives_codes:
        return Path(f"{verb.made}{ending if ending in TABLES else '.npy'}")
    if ending in ARRAYS and not verb.takes_codes:
        return Path(f"{verb.made}{ending}")
    drawn = len(about["shape"]) == 3 or about.get("columns")
    return default_place(about, verb.made) if drawn else Path(f"{verb.made}.npy")


def read_rows(
    verb: Verb, job: Opened, file: Path | None, label: str | None, *, told: bool = True
) -> tuple[Tensor, Tensor | None]:
    """Rows, or codes, and the label of each where the model is told one; not `told`, it need not be."""
    if file is None:
        data = data_of(job, advice="name a FILE of rows")
        x = data.test.to(job.device)
        y = None if data.labels is None or not job.model.conditional else data.labels.test.to(job.device)
        y = y if label is None else labels_of(job, label, len(x))
        return _codes_of(job, x, y) if verb.takes_codes else (x, y)
    about = {"shape": _code_shape(job.model), "support": "real"} if verb.takes_codes else job.about
    x = load_rows(file, about).to(job.device)
    if not verb.takes_codes and not verb.noisy:
        x = as_learned(x, job.about)
        support = job.about["support"]
        check(x, support if isinstance(support, str) else tuple(support), str(file), missing=True)
    if label is None and told and job.model.conditional:
        raise RecipeError(f"{type(job.model).__name__} is told the label of each row: add --label 3, or labels.npy")
    return x, None if label is None else labels_of(job, label, len(x))


def _codes_of(job: Opened, x: Tensor, y: Tensor | None) -> tuple[Tensor, Tensor | None]:
    return _asked(ENCODE, job, x, y, seed=0), y


def _code_shape(model: Any) -> tuple[int, ...]:
    """Shape of one code."""
    if hasattr(model, "latent_shape"):
        return tuple(model.latent_shape)
    if isinstance(getattr(model, "hidden", None), int):
        return (model.hidden,)
    raise DataError(f"what shape the codes of a {type(model).__name__} have is not known here; call its decode")


def labels_of(job: Opened, text: str, number: int) -> Tensor:
    """One label, or condition, for each row."""
    if text.endswith(".npy"):
        values = np.array(read_npy(text).x)
        y = torch.from_numpy(values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values)
        if len(y) != number:
            raise DataError(f"{text} holds {len(y)} labels for {number} rows; they go row for row")
        return (y.float() if y.is_floating_point() else y.long()).to(job.device)
    try:
        value = float(text)
    except ValueError:
        raise RecipeError(f"--label is a number or a .npy file with one for each row, got {text!r}") from None
    return torch.full((number,), int(value) if value.is_integer() else value, device=job.device)


def _asked(verb: Verb, job: Opened, x: Tensor, y: Tensor | None, seed: int) -> Tensor:
    """The model's answer, some rows at a time."""
    model = job.model
    name = verb.name if hasattr(model, verb.name) else verb.otherwise
    known = parameters(model, name)
    if y is not None and "y" not in known:
        raise RecipeError(f"{type(model).__name__} is asked to {verb.name} without labels; leave --label out")
    if verb is IMPUTE and not bool(x.isnan().any()):
        raise DataError("no value is missing in these rows; give a file in which NaN or an empty cell stands for one")
    how = {"generator": stream(seed, job.device, name=verb.name)} if "generator" in known else {}
    ask, made = getattr(model, name), []
    for start in range(0, len(x), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        told = {} if y is None else {"y": y[part]}
        made.append(ask(x[part], **told, **how).detach())
    return torch.cat(made)


def _write(
    verb: Verb, made: Tensor, out: Path, about: Mapping[str, Any], seed: int, ending: str, file: Path | None
) -> None:
    """Rows in the form of the data; a single image pixel for pixel; codes as they are; `ending` is that of a stream.

    A table whose gaps were filled is the user's `file` in all other cells, to the last digit.
    """
    with writable(out, ending if ending in ARRAYS else ".npy") as place:
        if verb is IMPUTE and file is not None and {file.suffix.lower(), place.suffix.lower()} <= set(TABLES):
            write_table(filled(own_cells(file), to_table(made, about)), place, note(about, seed))
        elif verb.gives_codes:
            write(made, place, {"title": about.get("title", "")}, seed)
        elif place.suffix.lower() == ".png" and len(made) == 1 and len(about["shape"]) == 3:
            row = made.numpy(force=True).reshape(1, *about["shape"])
            write_image(in_own_units(row, about)[0], place, note(about, seed))
        else:
            write(made, place, about, seed)
