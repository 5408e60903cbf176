"""What a shell offers after a tab: recipes, run folders, models, data sets. Nothing heavy is imported for it."""

from collections.abc import Iterator
from pathlib import Path

RECIPES = Path(__file__).parents[1] / "recipes"
DEEP = 3  # folders below this one in which runs are looked for


def recipes(incomplete: str) -> list[str]:
    """Recipes that ship with genlatent, and recipe files in this folder.

    >>> recipes("digits-va")
    ['digits-vae']
    """
    shipped = [path.stem for path in RECIPES.glob("*.yaml")]
    return _starting([*shipped, *(str(path) for path in Path().glob("*.yaml"))], incomplete)


def runs(incomplete: str) -> list[str]:
    """Run folders below this one, or below the folder that was begun with."""
    begun = Path(incomplete if incomplete.endswith("/") else Path(incomplete).parent)
    return _starting([str(path) for path in _runs(begun, DEEP)], incomplete)


def runs_and_recipes(incomplete: str) -> list[str]:
    """Either."""
    return [*runs(incomplete), *recipes(incomplete)]


def models(incomplete: str) -> list[str]:
    """Registered models.

    >>> models("beta-v")
    ['beta-vae']
    """
    from genlatent import registry

    return _starting(list(registry.KINDS["model"]), incomplete)


def overrides(incomplete: str) -> list[str]:
    """Changes to a recipe: keys that every recipe has, and models by name."""
    known = ["train.epochs=", "train.steps=", "train.batch_size=", "data.path=", "data.binarise=", "seed="]
    return _starting([*known, *(f"model.name={name}" for name in models(""))], incomplete)


def reading(incomplete: str) -> list[str]:
    """How a user's own data are read.

    >>> reading("data.su")
    ['data.support=']
    """
    known = ("support", "missing", "labels", "conditions", "columns", "standardise", "binarise", "shape", "image_size")
    return _starting([f"data.{key}=" for key in known], incomplete)


def data(incomplete: str) -> list[str]:
    """Named data sets."""
    from genlatent.data.catalogue import NAMED

    return _starting(list(NAMED), incomplete)


def _starting(words: list[str], incomplete: str) -> list[str]:
    return sorted({word for word in words if word.startswith(incomplete)})


def _runs(folder: Path, deep: int) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not path.is_dir():
            continue
        if (path / "checkpoints").is_dir():
            yield path
        elif deep:
            yield from _runs(path, deep - 1)
