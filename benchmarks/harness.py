"""What every benchmark shares: interleaved medians in one process, one form of row, one command line.

A row compares ours with one peer: `{"work", "mode", "ours_ms", "peer", "peer_ms", "ratio", "limit_ratio", "note"}`,
`ratio` being ours over the peer's, and `limit_ratio` ours over the bare matrix products of the same work, by the same
route: what no implementation on this machine can go below.
"""

import argparse
import importlib.metadata
import json
import platform
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from genlatent.numerics import devices
from genlatent.numerics.matmul import fast_matmul

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("torch", "numpy", "pyro-ppl", "scikit-learn", "pythae", "rbms", "learnergy", "thrml", "jax")

WARM_UP = 3  # rounds before the clock counts
FEWEST = 7  # rounds that count at least


@dataclass(frozen=True)
class Settings:
    """What the command line decides."""

    quick: bool = False
    seed: int = 0

    def seconds(self, full: float, quick: float) -> float:
        """How long to time one group of candidates."""
        return quick if self.quick else full


@dataclass(frozen=True)
class Row:
    """One comparison; a peer that could not be timed has no figures and a note that says why."""

    work: str
    mode: str
    ours_ms: float | None
    peer: str
    peer_ms: float | None = None
    products_ms: float | None = None
    goal: float | None = None  # the largest ratio aimed at
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours over the peer's; None where one of them is missing."""
        return self.ours_ms / self.peer_ms if self.ours_ms and self.peer_ms else None

    @property
    def limit_ratio(self) -> float | None:
        """Ours over the bare products."""
        return self.ours_ms / self.products_ms if self.ours_ms and self.products_ms else None

    @property
    def said(self) -> str:
        """The note, and whether the goal was reached."""
        if self.goal is None or self.ratio is None:
            return self.note
        verdict = f"goal {self.goal:.2f} {'reached' if self.ratio <= self.goal else 'NOT reached'}"
        return f"{self.note}; {verdict}" if self.note else verdict

    def plain(self) -> dict[str, str | float | None]:
        """The row as it stands in results."""
        row = asdict(self) | {"ratio": self.ratio, "limit_ratio": self.limit_ratio, "note": self.said}
        order = ("work", "mode", "ours_ms", "peer", "peer_ms", "ratio", "limit_ratio", "note")
        return {key: round(row[key], 4) if isinstance(row[key], float) else row[key] for key in order}


def interleaved(candidates: Mapping[str, Callable[[], object]], seconds: float, calls: int = 1) -> dict[str, float]:
    """Median milliseconds of one call of each candidate, all of them taking turns, so that each sees the same machine.

    A turn is a call that is not timed and one that is, and every round has an order of its own: the threads of another
    library that still spin, and the caches that it filled, are not in anybody's time.

    Args:
        candidates: what to time, by name.
        seconds: how long all of it may take, warm-up aside.
        calls: how much work one call of a candidate does; times are divided by it.
    """
    times: dict[str, list[float]] = {name: [] for name in candidates}
    order, shuffle = list(candidates), random.Random(0).shuffle
    for _ in range(WARM_UP):
        for run in candidates.values():
            _timed(run)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or min(map(len, times.values()), default=FEWEST) < FEWEST:
        shuffle(order)
        for name in order:
            _timed(candidates[name])
            times[name].append(_timed(candidates[name]))
    return {name: statistics.median(spent) * 1e3 / calls for name, spent in times.items()}


def _timed(run: Callable[[], object]) -> float:
    _wait()
    start = time.perf_counter()
    run()
    _wait()
    return time.perf_counter() - start


def _wait() -> None:
    if torch.accelerator.is_available():
        torch.accelerator.synchronize()


def products(shapes: Sequence[tuple[int, int, int]], route: str) -> Callable[[], None]:
    """The bare matrix products of some work, `(rows, inner, columns)` each, by a route, into memory that is there."""
    generator = torch.Generator().manual_seed(0)
    work = [
        (torch.randn(rows, inner, generator=generator), torch.randn(inner, columns, generator=generator))
        for rows, inner, columns in shapes
    ]
    results = [torch.empty(len(a), b.shape[1]) for a, b in work]

    def call() -> None:
        with fast_matmul(route):
            for (a, b), out in zip(work, results):
                torch.mm(a, b, out=out)

    return call


def machine() -> dict[str, str | int]:
    """What the figures were taken on."""
    return {"processor": _processor(), "system": platform.system(), "device": devices.describe(devices.find())}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def versions() -> dict[str, str]:
    """Versions of what takes part; a package that is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def main(name: str, benchmark: Callable[[Settings], list[Row]], argv: list[str] | None = None) -> None:
    """The command line of one benchmark: prints its rows, and keeps them where the run was a full one."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=benchmark.__doc__)
    parser.add_argument("--quick", action="store_true", help="end within 150 s; nothing is written")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, help="threads of torch; its own choice by default")
    given = parser.parse_args(argv)
    if given.threads:
        torch.set_num_threads(given.threads)
    rows = benchmark(Settings(given.quick, given.seed))
    result = {"machine": machine(), "versions": versions(), "seed": given.seed, "rows": [row.plain() for row in rows]}
    if not given.quick:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    if given.json:
        print(json.dumps(result))
    else:
        show(name, result, rows)


def show(name: str, result: dict, rows: list[Row]) -> None:
    """The rows as a table, and the versions that took part."""
    table = Table(
        title=f"{name}: {result['machine']['processor']}, {result['machine']['device']}", title_justify="left"
    )
    for column in ("work", "mode", "ours ms", "peer", "peer ms", "ratio", "over products", "note"):
        numeric = column.endswith("ms") or column in ("ratio", "over products")
        table.add_column(column, justify="right" if numeric else "left", no_wrap=column != "note")
    for row in rows:
        figures = (_figure(row.ratio), _figure(row.limit_ratio), row.said)
        table.add_row(row.work, row.mode, _figure(row.ours_ms), row.peer, _figure(row.peer_ms), *figures)
    console = Console()
    console = console if console.is_terminal else Console(width=160)
    console.print(table)
    console.print("versions: " + ", ".join(f"{package} {version}" for package, version in result["versions"].items()))


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
