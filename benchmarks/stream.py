"""Training on a file larger than memory: steps on rows streamed in shuffled blocks, against rows in memory."""

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from benchmarks.harness import Row, Settings, interleaved, main
from benchmarks.machines import Call
from genlatent.data.dataset import Dataset
from genlatent.data.mapped import BLOCK_BYTES
from genlatent.data.sources import load_data
from genlatent.latent.vae import VAE
from genlatent.training.optimizer import Optimizer
from genlatent.training.order import Epochs
from genlatent.training.step import Rows
from genlatent.training.trainer import Settings as Schedule
from genlatent.training.trainer import Trainer

PIXELS, BATCH = 784, 128
GIB = 2**30
SIZE, QUICK_SIZE = 4 * GIB, GIB // 4  # of the file
STEPS = BLOCK_BYTES // (4 * PIXELS * BATCH)  # in a timed call: about a block of rows
BLOCKS = 5  # that are learned from before the peak of memory is taken
FOREVER = 10**9

SLOWER = 1.10  # a streamed step may cost this many times one on rows in memory
LIMIT = GIB  # bytes that the process may have resident, mapped pages included


def benchmark(settings: Settings) -> list[Row]:
    """Training on a file larger than memory: steps on rows streamed in shuffled blocks, against rows in memory."""
    size = QUICK_SIZE if settings.quick else SIZE
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        write(path, size, settings.seed)
        seconds = str(settings.seconds(60, 10))
        how = [str(path), seconds, str(torch.get_num_threads())]
        found = subprocess.run(
            [sys.executable, "-m", "benchmarks.stream", "--measure", *how], check=True, stdout=subprocess.PIPE
        )
        ms = json.loads(found.stdout)
    return [*rows(size, ms)]


def rows(size: int, ms: dict[str, float]) -> Iterator[Row]:
    """Time of a step, and what the process that measured it had in memory at most."""
    held = f"at most {ms['peak'] / GIB:.2f} GiB resident, {'below' if ms['peak'] < LIMIT else 'NOT below'} 1 GiB"
    work = f"VAE step, {size / GIB:g} GiB file"
    yield Row(work, "traced", ms["streamed"], "the same, rows in memory", ms["in memory"], goal=SLOWER, note=held)


def write(path: Path, size: int, seed: int) -> None:
    """Bits as float32, about that many bytes, a block at a time."""
    block = (np.random.default_rng(seed).random((BLOCK_BYTES // (4 * PIXELS), PIXELS)) < 0.13).astype(np.float32)
    number = max(1, size // block.nbytes)
    with path.open("wb") as file:
        shape = (number * len(block), PIXELS)
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        for shift in range(number):
            file.write(np.roll(block, shift, axis=1).tobytes())


def measure(path: Path, seconds: float) -> dict[str, float]:
    """Milliseconds of a step on rows of the file and in memory, taking turns, and the peak of memory before these."""
    torch.manual_seed(0)
    streamed = steps(load_data(path, mapped=True, support="binary"))
    for _ in range(BLOCKS):
        streamed()
    peak = 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    resident = load_data((torch.rand(STEPS * BATCH, PIXELS) < 0.13).float(), support="binary")
    ms = interleaved({"streamed": streamed, "in memory": steps(resident)}, seconds, STEPS)
    return ms | {"peak": peak}


def steps(data: Dataset) -> Call:
    """So many steps of a training that goes on and on."""
    model = VAE(PIXELS)
    schedule = Schedule(FOREVER, FOREVER, BATCH, seed=0, average=0.0, clip=None, validate_every=1, keep="last")
    trainer = Trainer(model, data, model.objective(), Optimizer(), schedule, mode="traced", matmul="auto")
    trainer.start()
    trainer.engine.together.train()
    batches = forever(trainer.order)

    def call() -> None:
        for batch in islice(batches, STEPS):
            trainer.take(batch)

    return call


def forever(order: Epochs) -> Iterator[Rows]:
    """Epoch after epoch, without the smaller batch at the end."""
    while True:
        yield from (batch for batch in order if len(batch.index) == BATCH)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        torch.set_num_threads(int(sys.argv[4]))
        print(json.dumps(measure(Path(sys.argv[2]), float(sys.argv[3]))))
    else:
        main("stream", benchmark)
