"""The run folder: what a training leaves on disk, and how it is read again."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from genlatent import storage
from genlatent.data.told import told
from genlatent.errors import RunError

FORMAT = 1  # of checkpoint folders; raised when older readers could no longer understand them

POINTERS = ("last", "best")

LARGEST_METRICS = 256 * 2**20  # bytes: a million epochs
LARGEST_NAME = 1000  # bytes of a pointer
LARGEST_WHOLE = 2**63


class RunFolder:
    """`metrics.jsonl`, `figures/` and `checkpoints/STEP/`, with pointers `last` and `best` to two of those steps."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.metrics = self.path / "metrics.jsonl"
        self.figures = self.path / "figures"
        self.checkpoints = self.path / "checkpoints"

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    def pointed(self, pointer: str) -> Path | None:
        """The checkpoint that a pointer names, or None where there is none yet."""
        place = self.checkpoints / pointer
        return self.beside(place, _name(place)) if place.is_file() else None

    def beside(self, source: Path, name: Any) -> Path:
        """The checkpoint of that name, refused where the name, as `source` has it, leads out of this run."""
        if not isinstance(name, str) or not re.fullmatch(r"[\w-]+", name):
            raise RunError(f"{source} names no checkpoint: {name!r}; it was damaged, so use another checkpoint")
        return self.checkpoints / name

    def checkpoint(self, pointer: str | None = None) -> Path:
        """The checkpoint that a pointer names; without one, the one that the training chose to keep."""
        last = self.pointed("last")
        if last is None:
            raise RunError(
                f"{self.path} holds no checkpoint; it is not a run folder, or the run was stopped before one"
            )
        if pointer is None:
            pointer = str(read_config(last).get("keep", "last"))
        if pointer not in POINTERS:
            raise RunError(f"which must be one of {', '.join(POINTERS)}, got {pointer!r}")
        return self.pointed(pointer) or last

    def point(self, pointer: str, folder: Path) -> None:
        """Let a pointer name a checkpoint, in one go."""
        storage.write_text(self.checkpoints / pointer, folder.name + "\n")

    def tidy(self) -> None:
        """Remove what no pointer names, and what a process that is no more left half-written."""
        kept = self._kept()
        for place in (self.path, *(place for place in self.path.glob("*/") if place.is_dir())):
            storage.remove_partial(place)
        for folder in self.checkpoints.iterdir() if self.checkpoints.is_dir() else ():
            if folder.is_dir() and folder not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def lighten(self) -> None:
        """Leave of a training that is over what :func:`genlatent.load` reads; nobody can go on with it then."""
        kept = self.checkpoint()
        for pointer in POINTERS:
            if self.pointed(pointer) not in (None, kept):
                self.point(pointer, kept)
        for folder in self.checkpoints.iterdir():
            if folder.is_dir() and folder != kept:
                shutil.rmtree(folder, ignore_errors=True)
        for part in kept.glob("trainer*"):
            part.unlink()

    def _kept(self) -> set[Path | None]:
        """What pointers name, and the best that the last checkpoint names: its pointer may not have followed yet."""
        last = self.pointed("last")
        best = None if last is None else read_config(last).get("best")
        return {last, self.pointed("best"), None if last is None or best is None else self.beside(last, best)}

    def append(self, row: dict[str, Any]) -> None:
        """Add one row of metrics, or none of it."""
        size = self.metrics_size()
        with storage.said(self.metrics):
            try:
                with self.metrics.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(row) + "\n")
            except OSError:
                with suppress(RunError):
                    self.cut_metrics(size)
                raise

    def metrics_size(self) -> int:
        """Bytes of metrics so far."""
        return self.metrics.stat().st_size if self.metrics.exists() else 0

    def settled_metrics(self) -> int:
        """The same once they are on the disk; a checkpoint remembers them."""
        if self.metrics.exists():
            storage.sync(self.metrics)
        return self.metrics_size()

    def forget_metrics(self) -> None:
        """Remove the rows of a training that was stopped before its first checkpoint."""
        with storage.said(self.metrics):
            self.metrics.unlink(missing_ok=True)

    def cut_metrics(self, size: Any) -> None:
        """Forget the rows that came after a checkpoint."""
        if not isinstance(size, int) or size < 0:
            raise RunError(f"{self.metrics} cannot be cut at {size!r} bytes; the checkpoint is damaged")
        with storage.said(self.metrics), self.metrics.open("ab") as lines:
            lines.truncate(min(size, self.metrics_size()))

    def read_metrics(self) -> list[dict[str, Any]]:
        """All rows of metrics; a last line cut short by a crash is left out."""
        if not self.metrics.exists():
            return []
        try:
            lines = storage.read_text(self.metrics, LARGEST_METRICS).split("\n")
        except (OSError, ValueError) as error:
            raise RunError(f"{self.metrics} cannot be read: {error}") from error
        return [self._row(number, line) for number, line in enumerate(lines[:-1], 1) if line]

    def _row(self, number: int, line: str) -> dict[str, Any]:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise RunError(f"{self.metrics}: line {number} cannot be read ({error}); take it out") from error
        if not isinstance(row, dict) or not all(map(_is_number, row.values())):
            raise RunError(f"{self.metrics}: line {number} holds no row of numbers; take it out")
        return row

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the folder for this process alone; a second one is refused."""
        with storage.lock(self.path / ".lock", f"{self.path} is being written by another process; wait for it to end"):
            yield


def _is_number(value: Any) -> bool:
    return isinstance(value, float) or (isinstance(value, int) and abs(value) < LARGEST_WHOLE)


def _name(place: Path) -> str:
    try:
        return storage.read_text(place, LARGEST_NAME).strip()
    except (OSError, ValueError) as error:
        raise RunError(f"{place} cannot be read: {error}") from error


def read_config(folder: Path) -> dict[str, Any]:
    """`config.json` of a checkpoint, refused if another version of the format wrote it."""
    place = folder / "config.json"
    config = storage.read_json(place)
    if not isinstance(config, dict) or "format" not in config:
        raise RunError(
            f"{place} describes no checkpoint: a JSON object with a format was expected, got {_brief(config)}; "
            "the file was changed or damaged, so take it from a copy of the run, or train again"
        )
    if config["format"] != FORMAT:
        raise RunError(
            f"{place} has format {_brief(config['format'])}, this version of genlatent reads format {FORMAT}; "
            "use the version that wrote it, or train again"
        )
    return config


class HowTrained(NamedTuple):
    """How far a checkpoint was trained, and by which kind of step."""

    step: int
    steps: int
    mode: str
    matmul: str


def how_trained(folder: Path) -> HowTrained:
    """What `config.json` of a checkpoint says of the training, or one sentence about why it says nothing."""
    config = read_config(folder)
    try:
        made = config["training"]
        found = HowTrained(config["step"], made["settings"]["steps"], made["mode"], made["matmul"])
    except (LookupError, TypeError) as error:
        raise RunError(f"{folder / 'config.json'} says nothing of a training ({error}); train again") from error
    if not all(isinstance(value, kind) for value, kind in zip(found, (int, int, str, str), strict=True)):
        raise RunError(f"{folder / 'config.json'} says of its training {tuple(found)}; it was damaged, so train again")
    return found


def _brief(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]} ..."


def checkpoint_of(path: str | Path, which: str | None = None) -> Path:
    """The checkpoint folder meant by a run folder or by a checkpoint folder itself."""
    path = Path(path)
    if (path / "config.json").is_file():
        return path
    if not path.is_dir():
        raise RunError(f"{path} does not exist; name a run folder (one that `train` wrote)")
    return RunFolder(path).checkpoint(which)


def data_info(path: str | Path) -> dict[str, Any]:
    """What a run was trained on: title, name, binarisation, fingerprint, shape, support, labels."""
    folder = checkpoint_of(path)
    return told(read_config(folder).get("data", {}), folder)
