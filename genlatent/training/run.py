"""The run folder: what a training leaves on disk, and how it is read again."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from genlatent import storage
from genlatent.errors import RunError

FORMAT = 1  # of checkpoint folders; raised when older readers could no longer understand them

POINTERS = ("last", "best")


class RunFolder:
    """`metrics.jsonl`, `figures/` and `checkpoints/STEP/`, with pointers `last` and `best` to two of those steps."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.metrics = self.path / "metrics.jsonl"
        self.figures = self.path / "figures"
        self.checkpoints = self.path / "checkpoints"
        self._lines: IO[str] | None = None

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    def pointed(self, pointer: str) -> Path | None:
        """The checkpoint that a pointer names, or None where there is none yet."""
        place = self.checkpoints / pointer
        return self.checkpoints / place.read_text().strip() if place.is_file() else None

    def checkpoint(self, pointer: str | None = None) -> Path:
        """The checkpoint that a pointer names; without one, the one that the training chose to keep."""
        last = self.pointed("last")
        if last is None:
            raise RunError(
                f"{self.path} holds no checkpoint; it is not a run folder, or the run was stopped before one"
            )
        if pointer is None:
            pointer = read_config(last).get("keep", "last")
        if pointer not in POINTERS:
            raise RunError(f"which must be one of {', '.join(POINTERS)}, got {pointer!r}")
        return self.pointed(pointer) or last

    def point(self, pointer: str, folder: Path) -> None:
        """Let a pointer name a checkpoint, in one go."""
        storage.write_text(self.checkpoints / pointer, folder.name + "\n")

    def tidy(self) -> None:
        """Remove what no pointer names, and what an interrupted process left half-written."""
        for place in (self.path, self.checkpoints, self.figures):
            storage.remove_partial(place)
        kept = {self.pointed(pointer) for pointer in POINTERS}
        for folder in self.checkpoints.iterdir() if self.checkpoints.is_dir() else ():
            if folder.is_dir() and folder not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def append(self, row: dict[str, Any]) -> None:
        """Add one row of metrics."""
        if self._lines is None:
            self._lines = self.metrics.open("a", encoding="utf-8")
        self._lines.write(json.dumps(row) + "\n")
        self._lines.flush()

    def metrics_size(self) -> int:
        """Bytes of metrics so far; a checkpoint remembers them."""
        return self.metrics.stat().st_size if self.metrics.exists() else 0

    def cut_metrics(self, size: int) -> None:
        """Forget the rows that came after a checkpoint."""
        with self.metrics.open("ab") as lines:
            lines.truncate(size)

    def read_metrics(self) -> list[dict[str, Any]]:
        """All rows of metrics; a last line cut short by a crash is left out."""
        if not self.metrics.exists():
            return []
        lines = self.metrics.read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines[:-1] if line]

    def close(self) -> None:
        """Let go of the metrics file."""
        if self._lines is not None:
            self._lines.close()
            self._lines = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the folder for this process alone; a second one is refused."""
        self.path.mkdir(parents=True, exist_ok=True)
        with storage.lock(self.path / ".lock", f"{self.path} is being written by another process; wait for it to end"):
            try:
                yield
            finally:
                self.close()


def read_config(folder: Path) -> dict[str, Any]:
    """`config.json` of a checkpoint, refused if another version of the format wrote it."""
    config = storage.read_json(folder / "config.json")
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        found = config.get("format") if isinstance(config, dict) else None
        raise RunError(
            f"{folder / 'config.json'} has format {found}, this version of genlatent reads format {FORMAT}; "
            "use the version that wrote it, or train again"
        )
    return config


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
    return read_config(checkpoint_of(path)).get("data", {})
