"""What the demo does, step by step."""

import csv
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

from genlatent import storage
from genlatent.cli.terminal import Terminal
from genlatent.cli.training import Job, trained
from genlatent.data.dataset import Dataset
from genlatent.errors import RunError
from genlatent.evaluation import chains
from genlatent.evaluation.evaluate import evaluate
from genlatent.evaluation.record import Record, table
from genlatent.model import Model
from genlatent.numerics import devices
from genlatent.numerics.randomness import stream
from genlatent.plots.chains import autocorrelations, rank_bars, trace_lines
from genlatent.plots.curves import loss_curves
from genlatent.plots.grids import image_grid
from genlatent.plots.writing import save
from genlatent.recipes import assembly
from genlatent.recipes.reading import read
from genlatent.training.checkpoint import load
from genlatent.training.run import RunFolder

RECIPES = {"rbm": "digits-rbm", "vae": "digits-vae"}
NAMES = {"rbm": "Boltzmann machine", "vae": "variational autoencoder"}
LOSSES = {"rbm": "negative pseudo-log-likelihood", "vae": "negative evidence lower bound, nats"}
DRAWS = 100  # samples in a grid
CHAIN_DRAWS = 500
SAMPLES = 200  # importance samples for each row
MARK = "records.json"  # the file by which a finished demo's folder is known

NEXT = """What to try next
  genlatent sample {out}/vae -n 100 --out more.png --seed 1
  genlatent sample {out}/rbm -n 100 --out cold.png --temperature 0.7
  genlatent train digits-vae model.latent=2 --out runs/two-latents
  genlatent evaluate runs/two-latents
  genlatent models"""


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute in one thread inside: models this small gain nothing from more, and lose much on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Show:
    """The demo's stations; each says what it does and what came out."""

    def __init__(self, out: Path, seed: int, device: str, terminal: Terminal):
        self.out, self.seed, self.device, self.terminal = out, seed, device, terminal
        self.recipes = {name: read(recipe, [f"seed={seed}"]) for name, recipe in RECIPES.items()}

    @one_thread()
    def run(self) -> dict[str, Any]:
        """Everything in order; an interrupted training ends it."""
        start = time.perf_counter()
        self.clear()
        data = assembly.data(self.recipes["rbm"]).to(devices.find(self.device))
        self.say(f"The data: {data!r}; real handwritten digits, each pixel black or white.")
        self.keep(image_grid(data.test[:DRAWS].numpy(force=True), title="real digits"), "real.png")
        for name, recipe in self.recipes.items():
            job = Job(recipe, self.out / name, ())
            if trained(job, self.terminal, self.device).stopped:
                self.say(f"Stopped; go on with: genlatent train --resume {job.out}")
                return {"out": str(self.out), "stopped": True}
        models = {name: load(self.out / name).to(data.test.device) for name in RECIPES}
        self.draw(models)
        self.curves()
        self.run_chains(models["rbm"])
        records = self.judge(models, data)
        self.say(f"\nAll of it lies in {self.out}; it took {time.perf_counter() - start:.0f} seconds.\n")
        self.say(NEXT.format(out=self.out))
        return {"out": str(self.out), "stopped": False, "records": [record.plain() for record in records]}

    def say(self, text: str) -> None:
        """A line for people."""
        self.terminal.say(text)

    def keep(self, figure: Any, name: str) -> None:
        """Save a figure."""
        save(figure, self.out / name, note={"seed": str(self.seed)})

    def clear(self) -> None:
        """Make room; a folder that no demo wrote stays as it is."""
        if self.out.exists() and any(self.out.iterdir()):
            if not (self.out / MARK).is_file() and not (self.out / "rbm" / "recipe.yaml").is_file():
                raise RunError(f"{self.out} holds something that no demo wrote; name another folder with --out")
            shutil.rmtree(self.out)

    def draw(self, models: Mapping[str, Model]) -> None:
        """A grid of samples from each model."""
        for name, model in models.items():
            x = model.sample(DRAWS, generator=stream(self.seed, devices.of(model), name="sample"))
            self.keep(image_grid(x.numpy(force=True), title=f"drawn from the {NAMES[name]}"), f"{name}-samples.png")
        self.say(f"Drew {DRAWS} digits from each model; beside real.png: rbm-samples.png, vae-samples.png")

    def curves(self) -> None:
        """The loss of both trainings in one figure."""
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        for axes, name in zip(figure.subplots(1, 2), RECIPES):
            names = ["valid/loss"] if name == "rbm" else ["loss", "valid/loss"]
            loss_curves(RunFolder(self.out / name).read_metrics(), names=names, axes=axes, title=NAMES[name])
            axes.set_ylabel(LOSSES[name])
        self.keep(figure, "loss.png")
        self.say("How they learned: loss.png")

    def run_chains(self, rbm: Any) -> None:
        """Fresh chains of the machine, watched through their free energy."""
        generator = stream(self.seed, devices.of(rbm), name="chains")
        draws = chains.run_chains(rbm, draws=CHAIN_DRAWS, generator=generator)
        energies = draws["free_energy"].numpy(force=True)
        figure = Figure(figsize=(12, 3.6), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        trace_lines(energies, name="free energy", axes=left)
        rank_bars(energies, axes=middle)
        autocorrelations(energies, axes=right)
        self.keep(figure, "chains.png")
        self.write("chains.csv", table(chains.diagnosis(draws)))
        self.say("Do the machine's chains agree? chains.png, chains.csv")

    def judge(self, models: Mapping[str, Model], data: Dataset) -> list[Record]:
        """All records in one table."""
        found = {name: evaluate(model, data, samples=SAMPLES, seed=self.seed) for name, model in models.items()}
        rows = [(name, record) for name, records in found.items() for record in records]
        self.say(f"\nWhat they are worth on {len(data.test)} digits they never saw (also in records.csv):")
        self.terminal.records(rows)
        header, *lines = table([record for _, record in rows])
        self.write("records.csv", [("model", *header), *((name, *line) for (name, _), line in zip(rows, lines))])
        storage.write_json(self.out / MARK, {n: [r.plain() for r in of_model] for n, of_model in found.items()})
        return [record for _, record in rows]

    def write(self, name: str, rows: Sequence[Sequence[str]]) -> None:
        """A table as CSV."""
        with storage.new_file(self.out / name) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
