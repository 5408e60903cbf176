"""What a request says, read strictly: plain JSON, every key once, finite numbers, nothing nested without end."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from genlatent.errors import DataError

LONGEST_NUMBER = 400  # digits


def read(text: bytes) -> Any:
    """The values that JSON spells, or one sentence about why it spells none.

    >>> read(b'{"place": [0.5, null]}')
    {'place': [0.5, None]}
    >>> read(b'{"seed": 1, "seed": 2}')
    Traceback (most recent call last):
    genlatent.errors.DataError: the key 'seed' is given twice
    """
    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refused, parse_int=_whole)
    except RecursionError:
        raise DataError("the request is nested too deep") from None
    except UnicodeDecodeError:
        raise DataError("the request is no text in UTF-8") from None
    except json.JSONDecodeError as error:
        raise DataError(f"the request is no JSON: {error}") from None


class Asked(Request):
    """A request whose body is read so."""

    async def json(self) -> Any:
        """The values in the body."""
        try:
            return read(await self.body())
        except DataError as error:
            raise HTTPException(400, str(error)) from None


class Route(APIRoute):
    """An address that is asked so."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """The handler, given the request in that form."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(Asked(request.scope, request.receive))

        return strict


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"the key {twice!r} is given twice")
    return found


def _refused(name: str) -> float:
    raise DataError(f"{name} is no number in JSON; null stands for what is not known")


def _whole(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise DataError(f"a number has {len(digits)} digits, which is more than {LONGEST_NUMBER}")
    return int(digits)
