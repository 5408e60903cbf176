"""Whole processes from a cold start: import, help, first samples of saved runs, first step of training."""

import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from benchmarks.harness import Row, Settings, interleaved, main
from benchmarks.machines import Call
from genlatent.data.sources import load_data
from genlatent.energy.rbm import RBM
from genlatent.latent.vae import VAE
from genlatent.training.fit import fit

PEER = "import torch, pyro"
OVER_PEER = 1.5  # seconds that the first sample may take beyond the peer

CLI = "import sys; from genlatent.cli.main import run; sys.exit(run())"
FIT = """
import torch
from genlatent import VAE, fit, load_data
fit(VAE((1, 8, 8), latent=8), load_data(torch.rand(400, 1, 8, 8).round(), support="binary"), steps=1)
"""


def benchmark(settings: Settings) -> list[Row]:
    """Whole processes from a cold start: import, help, first samples of saved runs, first step of training."""
    torch.manual_seed(settings.seed)
    with tempfile.TemporaryDirectory() as folder:
        runs = saved(Path(folder), ("vae",) if settings.quick else ("vae", "rbm"))
        calls = {PEER: process(PEER), **ours(Path(folder), runs)}
        ms = interleaved(calls, settings.seconds(120, 0))
    return [row(work, ms) for work in ms if work != PEER]


def saved(folder: Path, names: tuple[str, ...]) -> dict[str, Path]:
    """Runs of small models that were trained for one step."""
    data = load_data(torch.rand(400, 1, 8, 8).round(), support="binary")
    kinds = {"vae": lambda: VAE((1, 8, 8), latent=8), "rbm": lambda: RBM((1, 8, 8), 16)}
    for name in names:
        fit(kinds[name](), data, steps=1, run=folder / name)
    return {name: folder / name for name in names}


def ours(folder: Path, runs: dict[str, Path]) -> dict[str, Call]:
    """What is timed, by what it does."""
    calls = {"import": process("import genlatent"), "--help": process(CLI, "--help")}
    out = str(folder / "samples.png")
    for name, run in runs.items():
        calls[f"sample {name} -n 64"] = process(CLI, "sample", str(run), "-n", "64", "--out", out)
    return calls | {"first training step": process(FIT)}


def process(code: str, *arguments: str) -> Call:
    """A new interpreter that runs the code."""
    command = [sys.executable, "-c", code, *arguments]

    def call() -> None:
        subprocess.run(command, check=True, capture_output=True)

    return call


def row(work: str, ms: dict[str, float]) -> Row:
    """One process against the peer; for samples, how much it takes beyond the peer."""
    beyond = (ms[work] - ms[PEER]) / 1e3
    said = f"{beyond:+.2f} s"
    if work.startswith("sample"):
        said += f"; goal {OVER_PEER} s {'reached' if beyond <= OVER_PEER else 'NOT reached'}"
    return Row(work, "process", ms[work], PEER, ms[PEER], note=said)


if __name__ == "__main__":
    main("cold_start", benchmark)
