"""What a run folder tells of the data that made its model, checked before anything is done with it."""

from collections.abc import Callable, Mapping
from math import isfinite, prod
from typing import Any

from genlatent.distributions.supports import names
from genlatent.errors import DataError, RunError

MOST_VALUES = 2**40  # of one row
NEEDED = ("shape", "support")


def told(about: Any, where: Any) -> dict[str, Any]:
    """What :meth:`Dataset.about` wrote, or one sentence naming the entry that it cannot have written.

    >>> told({}, "a model that was saved without data"), told({"shape": [1, "8"]}, "run")
    Traceback (most recent call last):
    ...
    genlatent.errors.RunError: run: its entry 'shape' of the data is damaged: [1, '8']; use another checkpoint
    """
    if not isinstance(about, Mapping):
        raise RunError(f"{where}: what it tells of the data is damaged: {about!r}; use another checkpoint")
    for name, value in about.items():
        if not KNOWN.get(name, _anything)(value):
            raise _damaged(where, name, value)
    if about and (lacks := [name for name in NEEDED if name not in about]):
        raise RunError(f"{where}: what it tells of the data lacks {lacks[0]!r}; use another checkpoint")
    columns, width = about.get("columns", ()), prod(about.get("shape", ()))
    for name in ("columns", "standards"):
        if about.get(name) and len(about[name]) != width:
            raise _damaged(where, name, about[name])
    for name in about.get("integers", ()):
        if name not in columns:
            raise _damaged(where, "integers", about["integers"])
    return dict(about)


def _damaged(where: Any, name: Any, value: Any) -> RunError:
    return RunError(f"{where}: its entry {name!r} of the data is damaged: {value!r}; use another checkpoint")


def _anything(_: Any) -> bool:
    return True


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _texts(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(text, str) for text in value)


def _shape(value: Any) -> bool:
    sizes = isinstance(value, (list, tuple)) and all(type(size) is int and size > 0 for size in value)
    return sizes and prod(value) < MOST_VALUES


def _support(value: Any) -> bool:
    try:
        return bool(names(value)) if _text(value) or _texts(value) else False
    except DataError:
        return False


def _categories(value: Any) -> bool:
    return isinstance(value, Mapping) and all(_text(name) and _texts(value[name]) and value[name] for name in value)


def _pairs(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(_pair(pair) for pair in value)


def _pair(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) == 2
        and all(isinstance(number, (int, float)) and abs(number) < 1e38 and isfinite(number) for number in value)
        and value[1] > 0
    )


KNOWN: dict[Any, Callable[[Any], bool]] = {
    **dict.fromkeys(("title", "name", "binarisation", "fingerprint"), _text),
    **dict.fromkeys(("columns", "integers", "label_names"), _texts),
    "shape": _shape,
    "support": _support,
    "categories": _categories,
    "standards": _pairs,
    "missing": lambda value: isinstance(value, bool),
}
