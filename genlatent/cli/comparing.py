"""What `genlatent compare` does: train what is only a recipe, judge what is not judged, and put it side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from genlatent import storage
from genlatent.cli.judging import judge, known, read, read_rows
from genlatent.cli.opening import RECIPE, Opened, data_of, opened
from genlatent.cli.terminal import Terminal
from genlatent.cli.training import Job, trained
from genlatent.data.dataset import Dataset
from genlatent.errors import RecipeError, RunError
from genlatent.evaluation.also import having
from genlatent.evaluation.comparison import Comparison
from genlatent.evaluation.entry import Entry, entry
from genlatent.recipes import assembly
from genlatent.recipes.reading import read as read_recipe
from genlatent.recipes.reading import read_values, shipped
from genlatent.registry import nearest
from genlatent.report.comparison import comparison_report
from genlatent.report.subject import Subject
from genlatent.training.run import RunFolder, how_trained

SETS = {
    "digits": (
        "digits-linear-autoencoder",
        "digits-denoising",
        "digits-vae",
        "digits-beta-vae",
        "digits-rbm",
        "digits-dbm",
    )
}
CHANGES = {"digits": ("data.binarise=threshold",)}  # so that all of a set learn from the same data
ENDINGS = (".csv", ".html", ".json")


class Asked(NamedTuple):
    """How models are judged."""

    data: str | None = None
    binarise: str = "none"
    samples: int = 500
    effort: tuple[int, int] = (200, 1000)
    seed: int = 0
    device: str = "auto"
    allow: tuple[str, ...] = ()
    also: tuple[str, ...] = ()  # of the models that have it


class Comparing:
    """The stations in order: :meth:`trained`, :meth:`judge`, :meth:`show`, :meth:`write`."""

    found: Comparison

    def __init__(self, names: Sequence[str], out: tuple[Path, ...], folder: Path, asked: Asked, terminal: Terminal):
        self.out, self.folder, self.asked, self.terminal = out, folder, asked, terminal
        for place in out:
            if place.suffix.lower() not in ENDINGS:
                raise RecipeError(f"{place}: a comparison is written as {', '.join(ENDINGS)}")
        self.jobs, self.runs = self._sorted(names)
        self.subjects: list[Subject] = []

    def _sorted(self, names: Sequence[str]) -> tuple[list[Job], list[Path]]:
        """What has to be trained, and all run folders in the order of their names."""
        changes = [name for name in names if "=" in name and not Path(name).exists()]
        jobs, runs = [], []
        for name in (name for name in names if name not in changes):
            if Path(name).is_dir():
                runs.append(Path(name))
                continue
            for recipe in SETS.get(name, (name,)):
                jobs.append(self._job(recipe, [*CHANGES.get(name, ()), *changes]))
                runs.append(jobs[-1].out)
        if changes and not jobs:
            raise RecipeError(f"{changes[0]} changes a recipe, and only runs are named; leave it out")
        if len(runs) < 2:
            raise RecipeError("name at least two runs or recipes to compare, or `digits` for six models of the digits")
        return jobs, runs

    def _job(self, recipe: str, changes: list[str]) -> Job:
        if recipe not in shipped() and not Path(recipe).is_file():
            advice = nearest(recipe, [*SETS, *shipped()])
            raise RecipeError(f"{recipe!r} is neither a run folder nor a recipe; {advice}")
        found = read_recipe(recipe, changes)
        place = self.folder / Path(recipe).stem
        return Job(found, place, tuple(assembly.imports(found)), resume=_begun(place, found.resolved()))

    def trained(self) -> bool:
        """Train what is not trained yet; False where the user stopped it."""
        return all(finished(job.out) or _whole(trained(job, self.terminal, self.asked.device)) for job in self.jobs)

    def judge(self) -> None:
        """Judge every model, and compare them."""
        names = [place.name for place in self.runs]
        unique = len(set(names)) == len(names)
        entries = [self._entry(place.name if unique else str(place), place) for place in self.runs]
        self.found = Comparison(tuple(entries))

    def _entry(self, name: str, place: Path) -> Entry:
        asked = self.asked
        job = opened(place, asked.device, [*asked.allow, *(one for job in self.jobs for one in job.allow)])
        data = data_of(job, asked.data, asked.binarise).to(job.device)
        how: dict[str, Any] = {"samples": asked.samples, "effort": asked.effort, "seed": asked.seed}
        also = having(job.model, asked.also)
        plain = known(job, data, **how, also=also)
        if plain is None:
            self.terminal.say(f"Judging {name} on {data.title} ...")
            plain = judge(job, data, **how, also=also)
        self.subjects.append(self._subject(name, job, data))
        return entry(name, job.model, data, read(plain), rows=read_rows(plain), minutes=minutes(place), **how)

    def _subject(self, name: str, job: Opened, data: Dataset) -> Subject:
        return Subject(name, job.model, data, RunFolder(job.path).read_metrics(), seed=self.asked.seed)

    def show(self) -> None:
        """Both tables for people, and what to bear in mind."""
        self.terminal.table(self.found.table())
        rows = self.found.difference_table()
        if len(rows) > 1:
            self.terminal.say("\nThe best of each column less the others, row by row, with 95 % intervals:")
            self.terminal.table(rows)
        for note in self.found.notes():
            self.terminal.say(f"* {note}")

    def write(self) -> list[Path]:
        """The files that were asked for; where something was trained, a table and a report beside the runs."""
        places = list(self.out)
        if self.jobs and not places:
            places = [self.folder / "comparison.csv", self.folder / "report.html"]
        for place in places:
            self._write(place)
        return places

    def _write(self, place: Path) -> None:
        ending = place.suffix.lower()
        if ending == ".csv":
            storage.write_text(place, self.found.csv())
        elif ending == ".json":
            storage.write_json(place, self.found.plain())
        else:
            storage.write_text(place, comparison_report(self.found, self.subjects))


def _begun(place: Path, resolved: object) -> bool:
    """Whether a folder holds a run of this recipe, to go on with; one of another recipe is left alone."""
    if RunFolder(place).pointed("last") is None:
        return False
    if not (place / RECIPE).is_file() or read_values(place / RECIPE) != resolved:
        raise RunError(f"{place} holds a run of another recipe; name another --folder")
    return True


def finished(place: Path) -> bool:
    """Whether a run took all of its steps."""
    last = RunFolder(place).pointed("last")
    if last is None:
        return False
    how = how_trained(last)
    return how.step >= how.steps


def _whole(history: object) -> bool:
    return getattr(history, "stopped", None) != "interrupted"


def minutes(place: Path) -> float | None:
    """How long a training took, by its last line of metrics."""
    rows = RunFolder(place).read_metrics()
    return rows[-1]["seconds"] / 60 if rows and "seconds" in rows[-1] else None
