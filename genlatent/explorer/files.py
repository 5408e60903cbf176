"""The files of the page, read once: a request names one of them, never a place on the disk."""

import math
from importlib.resources import files
from typing import Any, NamedTuple

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class File(NamedTuple):
    """One file, and what it is."""

    body: bytes
    kind: str


def pages() -> dict[str, File]:
    """Every file of the page by its name.

    >>> pages()["index.html"].kind
    'text/html; charset=utf-8'
    """
    found = {}
    for place in files("genlatent.explorer").joinpath("page").iterdir():
        ending = place.name[place.name.rfind(".") :]
        if ending in KINDS:
            found[place.name] = File(place.read_bytes(), KINDS[ending])
    return found


def finite(values: Any) -> Any:
    """The same values as JSON can hold them: a number that is not finite is None.

    >>> finite([{"loss": float("nan")}])
    [{'loss': None}]
    """
    if isinstance(values, dict):
        return {name: finite(value) for name, value in values.items()}
    if isinstance(values, list):
        return [finite(value) for value in values]
    return None if isinstance(values, float) and not math.isfinite(values) else values
