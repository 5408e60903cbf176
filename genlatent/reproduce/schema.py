"""What a reproduction may hold: recipes to train, how they are judged, what was published, and what is aimed at."""

from typing import Any, Literal

from pydantic import model_validator

from genlatent.recipes.schema import Named, Strict

TAGS = {
    "R": "read in the source, or in a reproduction's own record",
    "Q": "quoted by another source",
    "M": "from memory of the paper",
}


class Published(Strict):
    """A figure that somebody published, where, and how surely that is known."""

    value: float
    source: str
    tag: Literal["R", "Q", "M"]
    note: str = ""
    under: str = ""  # what was otherwise where the figure is quoted only, and never compared with ours


class Goal(Strict):
    """What the mean over seeds should reach, and in how many minutes of training: a value, or another part's mean."""

    value: float | None = None
    than: str | None = None  # title of the part that it should be better than
    within: float = 0.0  # by how much it may be worse than that one
    measure: str | None = None  # of those that the judge finds; the one it is known by unless given
    minutes: float | None = None

    @model_validator(mode="after")
    def _one_measure(self) -> "Goal":
        if (self.value is None) == (self.than is None):
            raise ValueError("a goal is a value, or to be better `than` another part")
        return self


class Begins(Strict):
    """With which trained model a part begins: that of an earlier part from the same seed, or from one for all."""

    part: str  # by its title
    into: str  # the argument of the recipe's model that it becomes, as encoder.machine
    seed: int | None = None  # of the earlier part, for whatever seed

    def seed_for(self, seed: int) -> int:
        """From which seed the model comes that a training from this seed begins with."""
        return seed if self.seed is None else self.seed

    def seeded(self, seeds: tuple[int, ...]) -> "Begins":
        """The same where the earlier part has other seeds."""
        return self if self.seed is None else self.model_copy(update={"seed": seeds[0]})


class Choice(Strict):
    """Settings of which the best is taken: trained shortly, judged on the validation part, never on the test part."""

    among: tuple[tuple[str, ...], ...]
    changes: tuple[str, ...] = ()
    judge: Named

    @model_validator(mode="after")
    def _several(self) -> "Choice":
        if len(self.among) < 2:
            raise ValueError("a choice is among two settings or more")
        return self


class Part(Strict):
    """One recipe with the seeds it is trained from, in a row of its own."""

    title: str
    recipe: str
    changes: tuple[str, ...] = ()  # to the recipe, throughout
    begins: Begins | None = None
    choose: Choice | None = None
    final: tuple[str, ...] = ()  # changes after the choice: learning from the validation part as well, for one
    seeds: tuple[int, ...] = (0, 1, 2)
    seeded: tuple[str, ...] = ()  # other keys of the recipe that take the seed: which labels are shown, for one
    judge: Named
    also: tuple[Named, ...] = ()  # judges whose measures stand beside
    published: tuple[Published, ...] = ()
    goals: tuple[Goal, ...] = ()

    @model_validator(mode="after")
    def _different_seeds(self) -> "Part":
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds are different whole numbers, at least one, got {list(self.seeds)}")
        return self


OF_ITS_OWN = ("title", "published", "goals")  # what a part never has from the one that it is like


class Reproduction(Strict):
    """Everything that a record is made from."""

    describe: str
    conditions: str  # under which the figures hold: data, bits, splits, what is counted
    selection: str  # where the settings come from, and on which part they were chosen
    parts: tuple[Part, ...]

    @model_validator(mode="before")
    @classmethod
    def _written_out(cls, values: Any) -> Any:
        """Parts that are `like` an earlier one, in full: its changes and then their own, else what they leave out."""
        if not isinstance(values, dict) or not isinstance(values.get("parts"), list):
            return values
        written: list[Any] = []
        for part in values["parts"]:
            written.append(_alike(part, written) if isinstance(part, dict) and "like" in part else part)
        return values | {"parts": written}

    @model_validator(mode="after")
    def _parts_that_are_there(self) -> "Reproduction":
        titles = [part.title for part in self.parts]
        if len(set(titles)) < len(titles):
            raise ValueError("parts have different titles")
        for number, part in enumerate(self.parts):
            if part.begins is not None:
                self._check_beginning(part.begins, part, titles[:number])
            for goal in part.goals:
                if goal.than is not None and goal.than not in titles:
                    raise ValueError(f"a goal of {part.title!r} is better than {goal.than!r}, which is no part")
        return self

    def _check_beginning(self, begins: Begins, part: Part, earlier: list[str]) -> None:
        if begins.part not in earlier:
            raise ValueError(f"{part.title!r} begins with {begins.part!r}, which is no part before it")
        if not {begins.seed_for(seed) for seed in part.seeds} <= set(self.part(begins.part).seeds):
            wanted = "all of its seeds" if begins.seed is None else f"seed {begins.seed}"
            raise ValueError(f"{part.title!r} begins with {begins.part!r}, which has not {wanted}")

    def part(self, title: str) -> Part:
        """The part of this title."""
        return next(part for part in self.parts if part.title == title)

    def number(self, title: str) -> int:
        """Its place, counted from 1."""
        return [part.title for part in self.parts].index(title) + 1

    def seeded(self, seeds: tuple[int, ...]) -> "Reproduction":
        """The same from other seeds; where one was for all, the first of them is."""
        begins = [part.begins and part.begins.seeded(seeds) for part in self.parts]
        parts = [part.model_copy(update={"seeds": seeds, "begins": b}) for part, b in zip(self.parts, begins)]
        return self.model_copy(update={"parts": tuple(parts)})


def _alike(part: dict[str, Any], earlier: list[Any]) -> dict[str, Any]:
    """The part without `like`, and with what it has from the part of that title."""
    own = {key: value for key, value in part.items() if key != "like"}
    base = next((one for one in earlier if isinstance(one, dict) and one.get("title") == part["like"]), None)
    if base is None:
        raise ValueError(f"{part.get('title')!r} is like {part['like']!r}, which is no part before it")
    given = {key: value for key, value in base.items() if key not in OF_ITS_OWN}
    first, then = given.get("changes", []), own.get("changes", [])
    return given | own | {"changes": [*first, *then] if isinstance(then, list) else then}
