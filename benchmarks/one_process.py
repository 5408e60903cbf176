"""Updates timed in processes that learn together; the first writes the medians: `one_process FILE SECONDS`."""

import json
import statistics
import sys
import time
from pathlib import Path

import torch

from benchmarks.training import Call, bits, updates
from genlatent.energy.rbm import RBM
from genlatent.latent.vae import VAE
from genlatent.objectives.contrastive import ContrastiveDivergence
from genlatent.training import distributed

PIXELS, ROWS, FEWEST = 784, 10_000, 5
BATCHES = {"VAE 784-400-20": (128, 2048), "RBM 784-500": (200, 2000)}  # over all processes together


def made(work: str, batch: int) -> Call:
    """One update of some work; an RBM has as many chains as rows."""
    torch.manual_seed(0)
    x = bits(ROWS, PIXELS)
    index = torch.randperm(ROWS)[:batch]
    if work.startswith("VAE"):
        return updates(VAE(PIXELS, latent=20), x, index)[0]
    return updates(RBM(PIXELS, 500), x, index, objective=ContrastiveDivergence(chains=batch))[0]


def median(call: Call, seconds: float) -> float:
    """Median milliseconds of an update; the processes agree on when to end, since each waits for the others."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not distributed.agreed(time.perf_counter() > end and len(times) >= FEWEST, torch.device("cpu")):
        for _ in range(FEWEST):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def main(path: str, seconds: float) -> None:
    """Time every work with whatever processes there are."""
    torch.set_num_threads(1)
    with distributed.joined(torch.device("cpu")):
        found = {
            f"{work}, batch {batch}": median(made(work, batch), seconds)
            for work, batches in BATCHES.items()
            for batch in batches
        }
        if distributed.rank() == 0:
            Path(path).write_text(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
