"""From a name, or a YAML file of the user's own, to a checked reproduction."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from genlatent.errors import RecipeError
from genlatent.recipes import reading
from genlatent.recipes.schema import Recipe, checked
from genlatent.registry import nearest
from genlatent.reproduce.judges import judge_of
from genlatent.reproduce.schema import Part, Reproduction

FOLDER = Path(__file__).parent


class Entry(NamedTuple):
    """A reproduction and what it is called."""

    name: str
    asked: str  # the word on the command line
    content: Reproduction


def shipped() -> dict[str, Path]:
    """The reproductions that come with the toolkit, by name.

    >>> "rbm-mnist" in shipped()
    True
    """
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def read(name: str | os.PathLike[str]) -> Entry:
    """The reproduction of that name or path, checked with all that it names.

    >>> read("rbm-mnist").content.parts[0].recipe
    'mnist-rbm'
    """
    path = _find(str(name))
    content = checked(reading.read_values(path), str(name), Reproduction)
    for part in content.parts:
        for entry in (part.judge, *((part.choose.judge,) if part.choose else ())):
            judge_of(entry, str(name))
        recipe_of(part)
    return Entry(path.stem, str(name), content)


def _find(name: str) -> Path:
    known = shipped()
    if name in known:
        return known[name]
    if Path(name).is_file():
        return Path(name)
    raise RecipeError(f"no reproduction is called {name!r}, and no file; {nearest(name, list(known))}")


def recipe_of(part: Part, changes: tuple[str, ...] = (), seed: int = 0) -> Recipe:
    """The recipe of a part with its changes and more."""
    seeded = [f"{key}={seed}" for key in ("seed", *part.seeded)]
    return reading.read(part.recipe, [*part.changes, *changes, *seeded])


def definition(content: Reproduction) -> list[str]:
    """For each part a digest of all that decides its numbers: another one makes another record."""
    texts = [json.dumps(_deciding(part), sort_keys=True) for part in content.parts]
    return [hashlib.sha256(text.encode()).hexdigest() for text in texts]


def _deciding(part: Part) -> list[Any]:
    recipe = recipe_of(part).model_dump(mode="json", exclude_unset=True, exclude={"describe", "expect"})
    return [part.model_dump(mode="json", exclude_unset=True, exclude={"title", "published", "goals"}), recipe]
