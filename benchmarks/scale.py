"""Time and memory as the work grows: data, batch, units, chains and latent samples, one figure each."""

import ctypes
import gc
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure

from benchmarks import harness
from benchmarks.harness import Row, Settings, interleaved, main
from benchmarks.machines import VISIBLE, Call
from benchmarks.training import bits, updates
from genlatent.energy.rbm import RBM
from genlatent.latent.vae import VAE
from genlatent.numerics.matmul import choose, fast_matmul

STATUS = Path("/proc/self/status")
RESET = Path("/proc/self/clear_refs")  # 5 written there forgets the peak of memory
LINEAR = (0.0, 1.15)  # slopes of time that are no worse than linear
LEAST = 1e-3  # milliseconds or MiB; what is less is nothing
CHAINS, UNITS, STEPS = 200, 500, 2


class Axis(NamedTuple):
    """What grows, how far, and the work it makes."""

    what: str
    sizes: tuple[int, ...]
    quick: tuple[int, ...]
    work: Callable[[int], Call]
    of: str  # what is timed


def epoch(rows: int) -> Call:
    """An epoch of a VAE."""
    x = bits(rows, VISIBLE)
    _, trainer = updates(VAE(VISIBLE, latent=10), x, torch.arange(128))

    def call() -> None:
        for batch in trainer.order:
            if len(batch.index) == 128:  # all steps by one graph
                trainer.take(batch)

    return call


def update(batch: int) -> Call:
    """One update of a VAE."""
    return updates(VAE(VISIBLE, latent=20), bits(batch, VISIBLE), torch.arange(batch))[0]


def gibbs(chains: int, hidden: int) -> Call:
    """Gibbs steps of an RBM."""
    kernel, generator = RBM(VISIBLE, hidden).gibbs(), torch.Generator().manual_seed(0)
    state = kernel.init(chains, generator)
    runner, route = kernel.runner(state, generator), choose(kernel.products(state))

    def call() -> None:
        with fast_matmul(route):
            runner.advance(STEPS)

    return call


def score(samples: int) -> Call:
    """Importance estimates of a few rows."""
    model, x = VAE(VISIBLE, latent=20).eval(), bits(10, VISIBLE)
    return lambda: model.score(x, num_samples=samples)


def doubling(first: int, number: int) -> tuple[int, ...]:
    """Sizes, each twice the one before.

    >>> doubling(3, 3)
    (3, 6, 12)
    """
    return tuple(first << shift for shift in range(number))


AXES = (
    Axis("data", doubling(1024, 6), doubling(1024, 4), epoch, "an epoch of a VAE 784-400-10, batch 128"),
    Axis("batch", doubling(64, 8), doubling(64, 6), update, "an update of a VAE 784-400-20"),
    Axis("units", doubling(125, 7), doubling(125, 5), lambda n: gibbs(CHAINS, n), f"{STEPS} Gibbs steps, 200 chains"),
    Axis("chains", doubling(125, 8), doubling(125, 5), lambda n: gibbs(n, UNITS), f"{STEPS} Gibbs steps, 784 x 500"),
    Axis("latent samples", doubling(50, 8), doubling(50, 6), score, "score of 10 rows, VAE 784-400-20"),
)


def benchmark(settings: Settings) -> list[Row]:
    """Time and memory as the work grows: data, batch, units, chains and latent samples, one figure each."""
    torch.manual_seed(settings.seed)
    rows = []
    for axis in AXES:
        sizes = axis.quick if settings.quick else axis.sizes
        axis.work(sizes[0])()  # what is imported and made once is no part of the growth
        memory = [grown(axis.work, size) for size in sizes]
        calls = {str(size): axis.work(size) for size in sizes}
        ms = list(interleaved(calls, settings.seconds(40, 3)).values())
        rows += judged(axis, sizes, ms, memory)
        if not settings.quick:
            harness.RESULTS.mkdir(exist_ok=True)
            drawn(axis, sizes, ms, memory).savefig(harness.RESULTS / f"scale-{axis.what.replace(' ', '-')}.png")
    return rows


def judged(axis: Axis, sizes: Sequence[int], ms: Sequence[float], memory: Sequence[float | None]) -> list[Row]:
    """Time of the largest size against twice that of half its size, and the slopes over the larger half."""
    found = slope(sizes, ms)
    verdict = "no worse than linear" if LINEAR[0] <= found <= LINEAR[1] else "NOT linear"
    work = f"{axis.of}: {sizes[0]} to {sizes[-1]} {axis.what}"
    said = f"time grows as size^{found:.2f}, {verdict}"
    known = [held for held in memory if held is not None]
    if len(known) == len(sizes):
        said += f"; memory {known[0]:.1f} to {known[-1]:.1f} MiB, as size^{slope(sizes, known):.2f}"
    return [Row(work, "float32", ms[-1], f"twice {sizes[-2]}", 2 * ms[-2], note=said)]


def slope(sizes: Sequence[int], values: Sequence[float]) -> float:
    """Exponent of growth over the larger half of the sizes, by least squares on both logarithms.

    >>> round(slope([1, 2, 4, 8], [9.0, 3.0, 12.0, 48.0]), 6)
    2.0
    """
    half = len(sizes) // 2 - 1
    x, y = np.log(sizes[half:]), np.log(np.maximum(values[half:], LEAST))
    x = x - x.mean()
    return float(x @ y / (x @ x))


def grown(work: Callable[[int], Call], size: int) -> float | None:
    """MiB that making the work and doing it once add to the process at most; None where the system does not tell."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)  # what is free but kept would be counted as there already
        RESET.write_text("5")
        before = resident("VmRSS")
        work(size)()
        return (resident("VmHWM") - before) / 1024
    except (OSError, AttributeError):
        return None


def resident(name: str) -> int:
    """A figure of this process's memory, in KiB."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1])


def drawn(axis: Axis, sizes: Sequence[int], ms: Sequence[float], memory: Sequence[float | None]) -> Figure:
    """Time and memory against size, both axes logarithmic, with a line of slope 1 through the largest size."""
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    known = [math.nan if held is None else max(held, LEAST) for held in memory]
    for place, (name, values) in zip(figure.subplots(1, 2), (("time, ms", ms), ("memory, MiB", known))):
        place.loglog(sizes, values, "o-", label=f"measured, slope {slope(sizes, values):.2f}")
        place.loglog(sizes, [values[-1] * size / sizes[-1] for size in sizes], "--", color="0.6", label="slope 1")
        place.set_xlabel(axis.what)
        place.set_ylabel(name)
        place.set_xticks(sizes, [str(size) for size in sizes], rotation=45)
        place.minorticks_off()
        place.legend(frameon=False)
    figure.suptitle(axis.of)
    return figure


if __name__ == "__main__":
    main("scale", benchmark)
