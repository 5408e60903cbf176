"""What `genlatent diagnose` looks at, family by family."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor

from genlatent import storage
from genlatent.cli import chains as cli_chains
from genlatent.cli import options
from genlatent.cli.chains import Judgement, Length
from genlatent.cli.given import read_given
from genlatent.cli.judging import home
from genlatent.cli.opening import RECIPE, Opened, data_of
from genlatent.cli.progress import stepping
from genlatent.cli.terminal import Terminal
from genlatent.data.dataset import Dataset
from genlatent.errors import RecipeError
from genlatent.evaluation import chains
from genlatent.evaluation.annealing_path import annealing_path
from genlatent.evaluation.importance_weights import pareto_record, used_records
from genlatent.evaluation.ladder import ladder_records, run_ladder
from genlatent.evaluation.latents import sites_used
from genlatent.evaluation.record import Record
from genlatent.evaluation.representation import representation_records
from genlatent.numerics.randomness import stream
from genlatent.plots.annealing import running_log_partition, work_histograms
from genlatent.plots.chains import autocorrelations, rank_bars, trace_lines
from genlatent.plots.ladders import energy_histograms, replica_flow, replica_paths, swap_rates
from genlatent.plots.latents import divergence_bars
from genlatent.plots.writing import save
from genlatent.sampling.draws import FEWEST, Draws

RUNS = 200  # of annealing
MOST_CHAINS = 16  # in a figure
NAME = "diagnosis.json"


class Asked(NamedTuple):
    """What the command line says beside chains and data."""

    temperature: float | None
    method: str | None
    rows: int
    samples: int
    annealing: int
    seed: int
    representation: bool


@dataclass
class Looked:
    """What was found: figures by variable, judged numbers, and figures to look at."""

    chains: Judgement | None = None
    records: list[Record] = field(default_factory=list)
    figures: dict[str, Figure] = field(default_factory=dict)

    def plain(self, run: Path, seed: int) -> dict[str, Any]:
        """Plain values, for JSON."""
        records = [*(self.chains.records if self.chains else []), *self.records]
        variables = {name: one._asdict() for name, one in (self.chains.figures if self.chains else {}).items()}
        found = {"records": [record.plain() for record in records], "variables": variables}
        return {"run": str(run), "seed": seed, **found}

    def write(self, run: Path, seed: int) -> list[Path]:
        """Write the numbers and the figures beside the run; where they are."""
        place, note = home(run) / NAME, {"seed": str(seed)}
        storage.write_json(place, self.plain(run, seed))
        figures = self.figures.items()
        return [place, *(save(figure, place.parent / "figures" / f"{name}.png", note=note) for name, figure in figures)]

    def show(self, terminal: Terminal) -> None:
        """Tables for people."""
        if self.chains is not None:
            cli_chains.show(self.chains, terminal)
        if self.records:
            terminal.say()
            terminal.records([("", record) for record in self.records])


def diagnosed(
    job: Opened,
    chains: options.Chains,
    given: Sequence[str],
    examples: options.Examples,
    asked: Asked,
    terminal: Terminal,
) -> Looked:
    """Look at whatever this model has, and at what its codes are worth if that is wished or there is nothing else."""
    model: Any = job.model
    model.eval()
    chained, weighted = hasattr(model, "trace"), hasattr(model, "log_weights")
    held = model.refuse_unknown(read_given(given, job.device, job.about))
    if not chained:
        said = {"given": held, "method": asked.method, "temperature": asked.temperature}
        _refuse_chains(model, {**said, **chains.said()})
    known = examples.data is not None or not chained or asked.representation or (job.path / RECIPE).is_file()
    judged = data_of(job, *examples).to(job.device) if known else None
    found = Looked()
    if chained:
        machine = Machine(job, Length(**chains.said()), held, terminal, asked)
        found = machine.look(None if judged is None else _rows_of(judged))
    elif weighted and judged is not None:
        found = codes(job, judged, asked.rows, asked.samples, asked.seed)
    if judged is not None and (asked.representation or not (chained or weighted)):
        found.records += [*representation_records(model, judged, seed=asked.seed)]
    return found


def _refuse_chains(model: Any, said: Mapping[str, Any]) -> None:
    """Refuse what is said of chains to a model that has none."""
    wrong = [f"--{name.replace('_', '-')}" for name, value in said.items() if value not in (None, {})]
    if wrong:
        raise RecipeError(f"{type(model).__name__} has no chains; leave {' and '.join(wrong)} out")


def _rows_of(data: Dataset) -> Tensor | None:
    """Training rows as a model sees them, those with missing values left out."""
    found = data.observe(data.glimpse())
    found = found[~found.flatten(1).isnan().any(1)]
    return found if len(found) > 1 else None


@dataclass
class Machine:
    """The chains, the ladder and the annealed runs of an energy model."""

    job: Opened
    length: Length
    held: Mapping[str, Any]
    terminal: Terminal
    asked: Asked

    def look(self, data: Tensor | None) -> Looked:
        """Everything in order."""
        if self.length.draws < FEWEST:
            raise RecipeError(f"chains are compared by {FEWEST} draws of each or more, got --draws {self.length.draws}")
        found, annealing = Looked(), self.asked.annealing
        draws = self._draws(data)
        figures = draws.diagnose()
        found.chains = Judgement(figures, chains.judged(draws, figures))
        found.figures["chains"] = chain_figure(draws)
        if self.asked.method == "tempering":
            self._ladder(found)
        if annealing and not self.job.model.conditional and hasattr(self.job.model, "reduced_energy"):
            self._annealing(found, data, annealing)
        return found

    @property
    def temperature(self) -> float:
        """Of the chains."""
        return 1.0 if self.asked.temperature is None else self.asked.temperature

    def _draws(self, data: Tensor | None) -> Draws:
        model: Any = self.job.model
        if model.conditional:
            how = {"temperature": self.temperature, **({"method": self.asked.method} if self.asked.method else {})}
            draws = cli_chains.run(self.job, self.length, self.held, self.asked.seed, self.terminal, **how)
            return Draws({"energy": draws["energy"]}, draws.burn_in, draws.thin)
        _refuse_many(self.held)
        with stepping(self.terminal, f"{self.length.chains} chains") as progress:
            how = {"temperature": self.temperature, "method": self.asked.method, "given": self.held or None}
            generator = stream(self.asked.seed, self.job.device, name="chains")
            return chains.run_chains(
                model, data=data, generator=generator, progress=progress, **self.length._asdict(), **how
            )

    def _ladder(self, found: Looked) -> None:
        generator = stream(self.asked.seed, self.job.device, name="ladder")
        how = {"temperature": self.temperature, "given": self.held or None, "generator": generator}
        size = {name: value for name, value in self.length._asdict().items() if name != "thin"}
        with stepping(self.terminal, "the ladder") as progress:
            ladder = run_ladder(self.job.model, progress=progress, **size, **how)
        found.records += ladder_records(ladder, self.length.chains)
        figure = Figure(figsize=(11, 7), layout="constrained")
        (rates, flow), (paths, energies) = figure.subplots(2, 2)
        swap_rates(ladder.rates, round_trips=ladder.round_trips, axes=rates)
        replica_flow(ladder.flow, axes=flow)
        replica_paths(ladder.heading[0], axes=paths)
        energy_histograms(ladder.energies, [f"$\\lambda$ = {lam:.2f}" for lam in ladder.lam], axes=energies)
        found.figures["ladder"] = figure

    def _annealing(self, found: Looked, data: Tensor | None, steps: int) -> None:
        generator = stream(self.asked.seed, self.job.device, name="annealing")
        with stepping(self.terminal, "annealed runs") as progress:
            path = annealing_path(
                self.job.model, data, runs=RUNS, steps=max(steps, 2), generator=generator, progress=progress
            )
        figure = Figure(figsize=(11, 4), layout="constrained")
        left, right = figure.subplots(1, 2)
        work_histograms(*path.works, axes=left)
        running_log_partition(path.positions, path.log_partition_forward, path.log_partition_reverse, axes=right)
        found.figures["annealing"] = figure


def _refuse_many(held: Mapping[str, Any]) -> None:
    for name, value in held.items():
        if cli_chains.differs(value):
            raise RecipeError(f"given {name} has many rows; chains that hold different values are not comparable")


def chain_figure(draws: Draws) -> Figure:
    """Traces, ranks and autocorrelations of every variable that varies; of several elements the first such."""
    shown = {name: value for name, value in draws.values.items() if _varying(value).any()}
    shown = shown or dict(list(draws.values.items())[:1])
    figure = Figure(figsize=(12, 2.7 * len(shown)), layout="constrained")
    for axes, (name, value) in zip(figure.subplots(len(shown), 3, squeeze=False), shown.items()):
        first = int(_varying(value).int().argmax())
        x = value.flatten(2)[..., first] if value.dim() > 2 else value
        x = x[:MOST_CHAINS].numpy(force=True)
        trace_lines(x, name=name.replace("_", " "), axes=axes[0])
        rank_bars(x, axes=axes[1])
        autocorrelations(x, axes=axes[2])
    return figure


def _varying(value: Tensor) -> Tensor:
    flat = value.reshape(*value.shape[:2], -1).flatten(0, 1)
    return flat.amax(0) > flat.amin(0)


def codes(job: Opened, data: Dataset, rows: int, draws: int, seed: int) -> Looked:
    """The code and the importance weights of a latent-variable model, on test rows."""
    model: Any = job.model
    x = model.shaped(data.test[:rows])
    y = None if data.labels is None or not model.conditional else data.labels.test[:rows]
    generator = stream(seed, job.device, name="codes")
    uses = sites_used(model, x, y, generator=generator)
    found = Looked()
    kl, active = ({name: getattr(use, one) for name, use in uses.items()} for one in ("divergence", "active"))
    found.records += used_records(kl, active, len(x))
    if uses:
        found.figures["latents"] = _code_figure(uses)
    with torch.no_grad():
        told = {} if y is None else {"y": y}
        found.records.append(pareto_record(model.log_weights(x, draws, generator, **told)))
    return found


def _code_figure(uses: Mapping[str, Any]) -> Figure:
    figure = Figure(figsize=(9, 3.6 * len(uses)), layout="constrained")
    for axes, (name, use) in zip(figure.subplots(len(uses), 1, squeeze=False)[:, 0], uses.items()):
        same = len(use.divergence) == len(use.variance)
        variance = use.variance.numpy(force=True) if same else None
        divergence_bars(use.divergence.numpy(force=True), variance, axes=axes, title=f"latent {name}")
    return figure
