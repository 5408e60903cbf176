"""The stages of a reproduction, one after the other: settings are chosen, models trained, models judged.

A stage that is finished is read and not done again; one that was cut short goes on where it stopped.
"""

import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import torch

from genlatent import storage
from genlatent.data.dataset import Dataset
from genlatent.numerics.randomness import drawing_from, stream
from genlatent.recipes import assembly, beginning
from genlatent.recipes.reading import dump
from genlatent.recipes.schema import Named, Recipe
from genlatent.reproduce.begun import beginning_with, told
from genlatent.reproduce.clock import Clock, SliceOver
from genlatent.reproduce.curves import curve
from genlatent.reproduce.judges import judge_of
from genlatent.reproduce.ledger import Ledger
from genlatent.reproduce.measured import Asked, Judge
from genlatent.reproduce.reading import recipe_of
from genlatent.reproduce.schema import Choice, Part, Reproduction
from genlatent.reproduce.withheld import withheld
from genlatent.sampling.driver import Progress
from genlatent.training.callbacks import Callback
from genlatent.training.chains import kept_chains
from genlatent.training.checkpoint import load
from genlatent.training.fit import History, fit
from genlatent.training.run import RunFolder

Stepping = Callable[[str], AbstractContextManager[Progress | None]]


def unwatched(text: str) -> AbstractContextManager[None]:
    """A judgement that nobody looks on at."""
    return nullcontext()


class Shelf:
    """The data that were used last, lest they are read again for each seed."""

    def __init__(self):
        self.entry: Any = None
        self.held: Dataset | None = None

    def data(self, recipe: Recipe) -> Dataset:
        """The data of a recipe."""
        if self.held is None or self.entry != recipe.data:
            self.held = None  # there may be no room for both
            self.entry, self.held = recipe.data, assembly.data(recipe)
        return self.held


class Circumstances(NamedTuple):
    """How the stages are carried out; nothing of it decides a number but the device."""

    ledger: Ledger
    shelf: Shelf
    clock: Clock
    device: torch.device
    callbacks: Sequence[Callback] = ()
    say: Callable[[str], None] = lambda text: None
    stepping: Stepping = unwatched
    slim: bool = False


class Stages:
    """All stages of one part.

    Args:
        content: the whole, since parts may begin with each other's models.
        number: of the part, from 1.
        how: the circumstances.
    """

    def __init__(self, content: Reproduction, number: int, how: Circumstances):
        self.content, self.part, self.how = content, content.parts[number - 1], how
        self.name = f"part-{number}"

    def run(self) -> None:
        """Everything that is not done yet."""
        changes = (*self.chosen(), *self.part.final)
        for seed in self.part.seeds:
            name = f"{self.name}-seed-{seed}"
            if self.how.ledger.done(f"{name}-judged") is None:
                recipe = recipe_of(self.part, changes, seed)
                self.train(name, recipe, seed)
                self.judge(name, (self.part.judge, *self.part.also), recipe, "test")
            self._tidy(name)
        self._tidy_beginnings()

    def chosen(self) -> tuple[str, ...]:
        """The changes that were best on the validation part, where there is a choice."""
        choice = self.part.choose
        if choice is None:
            return ()
        found = []
        for number in range(1, len(choice.among) + 1):
            name, recipe = f"{self.name}-choice-{number}", choice_recipe(self.part, choice, number)
            if self.how.ledger.done(f"{name}-judged") is None:
                self.train(name, recipe, self.part.seeds[0])
                self.judge(name, (choice.judge,), recipe, "valid")
            self._tidy(name)
            found.append(first_value(self.how.ledger.done(f"{name}-judged")))
        sign = judge_of(choice.judge).sign
        return choice.among[max(range(len(found)), key=lambda i: sign * found[i])]

    def train(self, name: str, recipe: Recipe, seed: int) -> None:
        """To the end, or to the end of the slice."""
        ledger, key = self.how.ledger, f"{name}-trained"
        if ledger.done(key) is not None:
            return
        self.how.clock.check()
        data, run = withheld(self.how.shelf.data(recipe)), ledger.place / name
        self.how.say(f"{name}: training on {len(data.train):,} rows of {data.title}")
        recipe, plain = self._begun(recipe, seed)
        afresh = not run.is_dir()
        storage.write_text(run / "recipe.yaml", dump(plain.resolved()))
        with ledger.timed(key, afresh):
            history = trained(recipe, data, run, self.how)
        if history.stopped is not None and "improved" not in history.stopped:
            raise SliceOver
        about = {"title": data.title, "binarisation": data.binarisation, "rows": len(data.train)}
        steps = history.rows[-1]["step"] if history.rows else 0
        ledger.keep(key, {"data": about, "steps": steps, "curve": curve(history.rows)})

    def _begun(self, recipe: Recipe, seed: int) -> tuple[Recipe, Recipe]:
        """The recipe with the trained model that it begins with, and the same as plain values."""
        begins = self.part.begins
        if begins is None:
            return recipe, recipe
        place = self.how.ledger.place / f"part-{self.content.number(begins.part)}-seed-{begins.seed_for(seed)}"
        trained = load(place, allow=assembly.imports(recipe))
        return beginning_with(recipe, trained, begins.into), told(recipe, trained, begins.into)

    def judge(self, name: str, entries: Sequence[Named], recipe: Recipe, part: str) -> None:
        """By one judge or several, in pieces, each of which is kept; a row is handed to a model once."""
        ledger, data = self.how.ledger, self.how.shelf.data(recipe)
        model = load(ledger.place / name, allow=assembly.imports(recipe)).to(self.how.device)
        rows, began = getattr(data, part), []
        asked = self._asked(model, data, rows, part, recipe.seed, ledger.place / name)
        first, *others = [self._judged(name, number, judge_of(one), asked, began) for number, one in enumerate(entries)]
        beside = {"also": others} if others else {}
        ledger.keep(f"{name}-judged", {"part": part, "rows": len(rows), **first, **beside})
        for key in began:
            ledger.forget(key)

    def _judged(self, name: str, number: int, judge: Judge, asked: Asked, began: list[str]) -> dict[str, Any]:
        """What a judge, counted from 0, finds of all rows; the keys of its pieces are noted."""
        ledger, count, found = self.how.ledger, judge.pieces(len(asked.x)), []
        for piece in range(count):
            key = f"{name}-piece-{piece}" if number == 0 else f"{name}-also-{number}-piece-{piece}"
            began.append(key)
            if ledger.done(key) is None:
                self.how.clock.check()
                self.how.say(f"{name}: judging by {judge.metric}, piece {piece + 1} of {count}")
                with ledger.timed(f"{name}-judged"), self.how.stepping("judging") as progress:
                    ledger.keep(key, judge.piece(asked._replace(progress=progress), piece))
            found.append(ledger.done(key))
        plain = judge.gathered(found).plain()
        return plain if number == 0 else {"metric": judge.metric, "unit": judge.unit, **plain}

    def _asked(self, model: Any, data: Dataset, rows: torch.Tensor, part: str, seed: int, run: Path) -> Asked:
        device = self.how.device
        with drawing_from(stream(seed, name="learned")):
            learned = data.observe(data.glimpse())
        y = None if data.labels is None else getattr(data.labels, part).to(device)
        x, learned = model.shaped(rows.to(device)), model.shaped(learned.to(device))
        return Asked(model, x, y, withheld(data).to(device), learned, kept_chains(run, model), seed)

    def _tidy(self, name: str) -> None:
        """Leave no weights behind, where that is wished, but those that another part will begin with."""
        place = self.how.ledger.place / name
        if self.how.slim and "-seed-" in name and self._wanted(self.part.title):
            RunFolder(place).lighten()
        elif self.how.slim:
            shutil.rmtree(place, ignore_errors=True)

    def _tidy_beginnings(self) -> None:
        """Remove what this part began with, once no other part will."""
        begins = self.part.begins
        if self.how.slim and begins is not None and not self._wanted(begins.part):
            for place in self.how.ledger.place.glob(f"part-{self.content.number(begins.part)}-seed-*"):
                shutil.rmtree(place, ignore_errors=True)

    def _wanted(self, title: str) -> bool:
        """Whether a part that is not finished begins with the models of this one."""
        users = [part for part in self.content.parts if part.begins and part.begins.part == title]
        keys = [f"part-{self.content.number(part.title)}-seed-{seed}-judged" for part in users for seed in part.seeds]
        return any(self.how.ledger.done(key) is None for key in keys)


def choice_recipe(part: Part, choice: Choice, number: int) -> Recipe:
    """The recipe by which a setting, counted from 1, is tried."""
    return recipe_of(part, (*choice.among[number - 1], *choice.changes), part.seeds[0])


def first_recipe(part: Part) -> Recipe:
    """The recipe that a part begins with."""
    return recipe_of(part, part.final) if part.choose is None else choice_recipe(part, part.choose, 1)


def trained(recipe: Recipe, data: Dataset, run: Path, how: Circumstances) -> History:
    """A recipe carried out in its run folder, from where it stands there."""
    allow = assembly.imports(recipe)
    model = beginning.first_model(recipe, data, allow).to(how.device)
    stopped = beginning.pretrained(recipe, model, data, run, [how.clock, *how.callbacks], resume=True)
    if stopped is not None:
        return stopped
    return fit(
        model,
        data,
        objective=assembly.objective(recipe, allow),
        callbacks=[how.clock, *how.callbacks],
        run=run,
        resume=True,
        **assembly.training(recipe),
    )


def first_value(judged: dict[str, Any]) -> float:
    """The measure that a judgement is known by."""
    return next(iter(judged["measures"].values()))["value"]
