"""From a YAML file, or the name of a recipe that ships with the toolkit, to a checked recipe."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from genlatent.errors import RecipeError
from genlatent.recipes.schema import Recipe, checked
from genlatent.registry import nearest
from genlatent.storage import read_text

FOLDER = Path(__file__).parent

LARGEST = 2**19  # bytes of a recipe; while it is read it takes less than a gigabyte
MOST_VALUES = 100_000
DEEPEST = 50
KEYS = (str, int, float, bool, type(None))
PLAIN = (str, int, float, bool)

# Of these pairs a recipe holds one, so setting one takes the other out.
EITHER = (("train", "epochs", "steps"), ("pretrain", "epochs", "steps"), ("data", "name", "path"))


class Loader(yaml.SafeLoader):
    """Plain values only; a key given twice is refused, and `1e-3` is a number."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Refuse the key that would silently replace another one."""
        line = node.start_mark.line + 1
        if not isinstance(node, yaml.MappingNode):
            raise RecipeError(f"line {line}: a mapping of keys was expected")
        seen = set()
        for key in (self.construct_object(key, deep=True) for key, _ in node.value):
            if not isinstance(key, KEYS):
                raise RecipeError(f"line {line}: a key is a word or a number, got {key!r}")
            if key in seen:
                raise RecipeError(f"line {line}: the key {key!r} is given twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


SCIENTIFIC = re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$")
Loader.add_implicit_resolver("tag:yaml.org,2002:float", SCIENTIFIC, list("-+.0123456789"))


def shipped() -> dict[str, Path]:
    """The recipes that come with the toolkit, by name.

    >>> "digits-vae" in shipped()
    True
    """
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def read(recipe: str | os.PathLike[str], overrides: Sequence[str] = ()) -> Recipe:
    """The recipe of that name or path, changed by `key.sub=value` and checked.

    >>> read("digits-vae", ["model.latent=3", "train.epochs=2"]).train.epochs
    2
    """
    values = read_values(find(recipe))
    for override in overrides:
        values = overridden(values, override)
    return checked(values, str(recipe))


def find(recipe: str | os.PathLike[str]) -> Path:
    """The file that a name or path means."""
    known = shipped()
    if str(recipe) in known:
        return known[str(recipe)]
    path = Path(recipe)
    if path.is_file():
        return path
    if path.is_dir():
        raise RecipeError(f"{recipe} is a folder; name a recipe file, or continue a run with --resume {recipe}")
    advice = nearest(str(recipe).removesuffix(".yaml"), list(known))
    raise RecipeError(f"no recipe {str(recipe)!r}: neither a file nor a recipe that ships with genlatent; {advice}")


def read_values(path: Path) -> Any:
    """The plain values in a YAML file."""
    try:
        return parse(read_text(path, LARGEST))
    except RecipeError as error:
        raise RecipeError(f"{path}: {error}") from error
    except (OSError, ValueError) as error:
        raise RecipeError(f"{path} cannot be read: {error}") from error


def parse(text: str) -> Any:
    """Plain values from YAML: at most :data:`MOST_VALUES` of them, nested no deeper than :data:`DEEPEST`.

    A value that is written once and meant in many places counts as often as it is meant.

    >>> parse("{a: 1e-3, b: [1, two]}")
    {'a': 0.001, 'b': [1, 'two']}
    """
    try:
        values = Loader(text).get_single_data()
    except RecipeError:
        raise
    except RecursionError as error:
        raise RecipeError("not a recipe: its values are nested too deep") from error
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise RecipeError(f"not valid YAML: {' '.join(str(error).split())}") from error
    if _counted(values, {}) > MOST_VALUES:
        raise RecipeError(f"not a recipe: it stands for more than {MOST_VALUES} values")
    return values


def _counted(value: Any, known: dict[int, int], depth: int = 0) -> int:
    """How many values there are, each collection looked into once; refuse what is no plain value."""
    if value is None or isinstance(value, PLAIN):
        _refuse_halves(value)
        return 1
    if depth > DEEPEST:
        raise RecipeError("not a recipe: its values are nested too deep")
    if not isinstance(value, (dict, list)):
        raise RecipeError(f"{value!r} is a {type(value).__name__}; write it in quotes if it is meant as text")
    if id(value) not in known:
        inner = (*value, *value.values()) if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_counted(one, known, depth + 1) for one in inner)
    return known[id(value)]


def _refuse_halves(value: Any) -> None:
    """Refuse a text that no file can hold: with half of a character that UTF-16 writes in two."""
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise RecipeError(f"not a recipe: {value!r} holds half a character ({error.reason})") from None


def overridden(values: Any, override: str) -> Any:
    """The values with one `key.sub=value` put in; what a bare name stood for keeps its name.

    >>> overridden({"model": "vae"}, "model.latent=3")
    {'model': {'name': 'vae', 'latent': 3}}
    """
    key, equals, text = override.partition("=")
    if not equals or not all(key.split(".")):
        raise RecipeError(f"{override!r} is no override; write key=value, for example train.epochs=5")
    path = key.split(".")
    changed = _put(values, path, parse(text), key)
    for entry, *pair in EITHER:
        if path[0] == entry and path[-1] in pair and len(path) == 2:
            changed[entry].pop(pair[1 - pair.index(path[-1])], None)
    return changed


def _put(values: Any, path: list[str], value: Any, key: str) -> Any:
    if not path:
        return value
    if isinstance(values, str):
        values = {"name": values}
    if values is not None and not isinstance(values, dict):
        raise RecipeError(f"{key}: there is nothing to set inside {values!r}")
    inner = dict(values or {})
    inner[path[0]] = _put(inner.get(path[0]), path[1:], value, key)
    return inner


def dump(values: Any) -> str:
    """Plain values as YAML text in the order given."""
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)
