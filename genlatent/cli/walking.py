"""What `traverse` and `interpolate` share: codes, the ways between them, and pictures or tables of what is decoded."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from genlatent.cli.draws import TABLES, default_place, note, write
from genlatent.cli.opening import Opened, data_of, opened
from genlatent.cli.options import Common
from genlatent.cli.rows import RECONSTRUCT, check_place, labels_of, read_rows
from genlatent.cli.streams import readable, terminal_beside, writable
from genlatent.data.restored import to_table
from genlatent.data.standards import in_own_units
from genlatent.data.table import Table
from genlatent.data.written import write_table
from genlatent.distributions.priors.standard import StandardNormal
from genlatent.errors import DataError, RecipeError
from genlatent.evaluation.lectures.traversal import traversal
from genlatent.evaluation.walks import codes, traversals
from genlatent.model import Model
from genlatent.plots.walks import interpolation_rows, traversal_grid
from genlatent.plots.writing import save

ALONG = ("auto", "values", "directions")
PATHS = ("auto", "straight", "spherical")
NEARLY = 1e-4  # of a right angle's sine, below which two codes point the same way


class Walk(NamedTuple):
    """What both verbs are told."""

    run: Path
    out: Path | None
    label: str | None
    steps: int


class Told:
    """A conditional model that is told one label once and for all."""

    conditional = False

    def __init__(self, model: Any, y: Tensor):
        self.model, self.y = model, y

    def shaped(self, x: Tensor) -> Tensor:
        """As the model."""
        return self.model.shaped(x)

    def encode(self, x: Tensor) -> Tensor:
        """The code of each row, given the label."""
        return self.model.encode(x, self.y.expand(len(x), *self.y.shape[1:]))

    def decode(self, z: Tensor) -> Tensor:
        """The mean of x given a code and the label."""
        return self.model.decode(z, self.y.expand(len(z), *self.y.shape[1:]))


def traversed(walk: Walk, file: Path | None, row: int, along: str, number: int, how: Common) -> None:
    """Walks from one row's code, or along the principal directions of all codes."""
    _check(walk, file, along, ALONG, "--along")
    terminal = terminal_beside(walk.out, how)
    job = opened(walk.run, how.device, how.allow_import)
    asked = _told(job, walk.label)
    with readable(file) as place:
        x = _rows(job, place)
    if row >= len(x):
        raise DataError(f"there is no row {row} among {len(x)}; they are counted from 0")
    if along == "auto":
        along = "directions" if job.model.family == "autoencoder" else "values"
    if along == "values":
        names = [f"z{place}" for place in _most_varied(codes(asked, x), number)]
        means = traversals(asked, x, row=row, count=number, steps=walk.steps)
    else:
        codes(asked, x)  # refuses what cannot be walked through
        found = traversal(asked, job.model.shaped(x), directions=number, num_steps=walk.steps)
        names, means = [f"direction {k}: {share:.0%}" for k, share in enumerate(found.share.tolist(), 1)], found.rows
    out = walk.out or default_place(job.about, "traversal")
    with writable(out, _ending(job)) as place:
        _write(means, place, job, names, how.seed)
    terminal.say(f"{len(means)} walks of {walk.steps} steps through the code of {walk.run} -> {out}")
    shape = list(means.shape)
    terminal.result({"run": str(walk.run), "out": str(out), "along": along, "names": names, "shape": shape})


def _most_varied(z: Tensor, number: int) -> list[int]:
    return z.var(0).argsort(descending=True)[:number].tolist()


def interpolated(walk: Walk, a: str, b: str, path: str, how: Common) -> None:
    """Walks from the codes of some rows to the codes of others."""
    _check(walk, Path(a), path, PATHS, "--path")
    terminal = terminal_beside(walk.out, how)
    job = opened(walk.run, how.device, how.allow_import)
    asked = _told(job, walk.label)
    first, second = _pairs(_end(job, a), _end(job, b))
    if path == "auto":
        path = "spherical" if isinstance(getattr(job.model, "prior", None), StandardNormal) else "straight"
    z = between(codes(asked, first), codes(asked, second), walk.steps, spherical=path == "spherical")
    means = asked.decode(z.flatten(0, 1)).unflatten(0, z.shape[:2])
    out = walk.out or default_place(job.about, "interpolation")
    with writable(out, _ending(job)) as place:
        _write(means, place, job, (), how.seed, ends=(first, second))
    terminal.say(f"{len(means)} {path} walks of {walk.steps} steps between codes of {walk.run} -> {out}")
    terminal.result({"run": str(walk.run), "out": str(out), "path": path, "shape": list(means.shape)})


def between(
    a: Float[Tensor, "row latent"], b: Float[Tensor, "row latent"], steps: int, *, spherical: bool
) -> Float[Tensor, "row step latent"]:
    r"""Codes from a to b: on a line, or on the arc at whose angle :math:`\Omega = \angle(a, b)` they lie.

    .. math:: (1 - t) a + t b, \qquad \frac{\sin((1 - t) \Omega)}{\sin \Omega} a + \frac{\sin(t \Omega)}{\sin \Omega} b

    Codes of a Gaussian in many dimensions lie near a sphere, which the line leaves and the arc keeps to.

    References:
        Animating rotation with quaternion curves (Shoemake, 1985)

    >>> between(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), 3, spherical=True)[0, 1]
    tensor([0.7071, 0.7071])
    """
    t = torch.linspace(0, 1, steps, dtype=a.dtype, device=a.device)[:, None]
    a, b = a[:, None], b[:, None]
    line = torch.lerp(a, b, t)
    if not spherical:
        return line
    omega = torch.acos(torch.cosine_similarity(a, b, dim=-1).clamp(-1, 1))[..., None]
    arc = (torch.sin((1 - t) * omega) * a + torch.sin(t * omega) * b) / torch.sin(omega)
    return torch.where(torch.sin(omega).abs() < NEARLY, line, arc)


def _check(walk: Walk, file: Path | None, word: str, words: tuple[str, ...], option: str) -> None:
    check_place(file, walk.out)
    if walk.out is not None and not walk.out.suffix and str(walk.out) != "-":
        raise RecipeError(f"{walk.out}: walks are written as one file: .png, .npy, .npz, .csv or .parquet")
    if word not in words:
        raise RecipeError(f"{option} is one of {', '.join(words)}, got {word!r}")


def _told(job: Opened, label: str | None) -> Any:
    """What codes are asked of: the model itself, or one that is told a label."""
    model: Model = job.model
    if label is None:
        if model.conditional:
            raise RecipeError(f"{type(model).__name__} is told a label: add --label 3")
        return model
    if not model.conditional:
        raise RecipeError(f"{type(model).__name__} is asked without labels; leave --label out")
    return Told(model, labels_of(job, label, 1))


def _rows(job: Opened, file: Path | None) -> Tensor:
    if file is None:
        return data_of(job, advice="name a FILE of rows").test.to(job.device)
    return read_rows(RECONSTRUCT, job, file, None, told=False)[0]


def _end(job: Opened, text: str) -> Tensor:
    """Rows of a file, or test rows by their numbers."""
    numbers = text.split(",")
    if not all(number.strip().isdecimal() for number in numbers):
        with readable(Path(text)) as file:
            return _rows(job, file)
    x = _rows(job, None)
    chosen = [int(number) for number in numbers]
    if max(chosen) >= len(x):
        raise DataError(f"there is no test row {max(chosen)} among {len(x)}; they are counted from 0")
    return x[chosen]


def _pairs(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    if len(a) != len(b) and 1 not in (len(a), len(b)):
        raise DataError(f"as many rows in A as in B are wanted, or one, got {len(a)} and {len(b)}")
    number = max(len(a), len(b))
    return a.expand(number, *a.shape[1:]), b.expand(number, *b.shape[1:])


def _ending(job: Opened) -> str:
    return ".csv" if job.about.get("columns") else ".npy"


def _write(
    means: Tensor, place: Path, job: Opened, names: Any, seed: int, ends: tuple[Tensor, Tensor] | None = None
) -> None:
    """A grid of pictures, a table with a line for each step, or an array."""
    x = means.numpy(force=True).reshape(*means.shape[:2], *job.about.get("shape", means.shape[2:]))
    if place.suffix.lower() == ".png":
        x = in_own_units(x.reshape(-1, *x.shape[2:]), job.about).reshape(x.shape)
        if ends is None:
            axes = traversal_grid(x, names=names)
        else:
            first, second = (end.numpy(force=True).reshape(len(x), *x.shape[2:]) for end in ends)
            axes = interpolation_rows(first, x, second)
        save(axes, place, note=note(job.about, seed))
    elif place.suffix.lower() in TABLES:
        walk, step = np.divmod(np.arange(x.shape[0] * x.shape[1]), x.shape[1])
        columns = to_table(x.reshape(-1, *x.shape[2:]), job.about).columns
        write_table(Table({"walk": walk, "step": step, **columns}), place, note(job.about, seed))
    else:
        flat = in_own_units(x.reshape(-1, *x.shape[2:]), job.about).reshape(x.shape)
        write(flat, place, {"shape": x.shape[1:], "title": job.about.get("title", "")}, seed)
