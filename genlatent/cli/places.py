"""Where a verb writes to: refused before anything is computed where nothing can ever be written."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from genlatent.errors import RunError


def placed(verb: Callable[..., Any]) -> Callable[..., Any]:
    """The verb, which is not begun where a place named by --out lies below a file.

    Folders that are not there are made when something is written, by every verb alike.
    """

    @functools.wraps(verb)
    def asked(**values: Any) -> Any:
        out = values.get("out")
        for place in out if isinstance(out, list | tuple) else [out]:
            if place is not None:
                refuse_below_a_file(place)
        return verb(**values)

    return asked


def refuse_below_a_file(place: Path) -> None:
    """Refuse a place where no folder can be made.

    >>> refuse_below_a_file(Path(__file__) / "x.png")
    Traceback (most recent call last):
    genlatent.errors.RunError: ...places.py is a file, not a folder; name another place
    """
    above = next((folder for folder in place.parents if folder.exists()), None)
    if above is not None and not above.is_dir():
        raise RunError(f"{place} cannot be written: {above} is a file, not a folder; name another place")
