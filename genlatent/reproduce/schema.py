"""What a reproduction may hold: recipes to train, how they are judged, what was published, and what is aimed at."""

from typing import Literal

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


class Goal(Strict):
    """What the mean over seeds should reach, and in how many minutes of training."""

    value: float
    measure: str | None = None  # of those that the judge finds; the one it is known by unless given
    minutes: float | None = None


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
    choose: Choice | None = None
    final: tuple[str, ...] = ()  # changes after the choice: learning from the validation part as well, for one
    seeds: tuple[int, ...] = (0, 1, 2)
    seeded: tuple[str, ...] = ()  # other keys of the recipe that take the seed: which labels are shown, for one
    judge: Named
    published: tuple[Published, ...] = ()
    goals: tuple[Goal, ...] = ()

    @model_validator(mode="after")
    def _different_seeds(self) -> "Part":
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds are different whole numbers, at least one, got {list(self.seeds)}")
        return self


class Reproduction(Strict):
    """Everything that a record is made from."""

    describe: str
    conditions: str  # under which the figures hold: data, bits, splits, what is counted
    selection: str  # where the settings come from, and on which part they were chosen
    parts: tuple[Part, ...]

    def seeded(self, seeds: tuple[int, ...]) -> "Reproduction":
        """The same from other seeds."""
        parts = [part.model_copy(update={"seeds": seeds}) for part in self.parts]
        return self.model_copy(update={"parts": tuple(parts)})
