"""Damage of every kind to bytes, to texts and to nested values, the same for the same seed."""

import copy
import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

NUMBERS = (
    0,
    1,
    2,
    127,
    128,
    255,
    256,
    32767,
    65535,
    65536,
    10**6,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**60,
    2**63,
    2**64 - 1,
)
WRITTEN = (
    *("0", "-1", "1", "2", "3", "255", "65536", "1000000", "2147483647", "9223372036854775808", "1" + 30 * "0"),
    *("1e999", "-1e999", "1e300", "nan", "inf", "0.5", "1e-400", "0x10", "1_0", "", "9" * 5000),
)
TEXTS = (
    *("", " ", "x", "name", "\0", "\n", "\ud800", "\ufeff", "../../x", "/etc/passwd", "a" * 5000, "os:system"),
    *("tensor", "function", "builtins:eval", "genlatent.storage:os.system", "torch.nn:Linear", "é", "\x1b[31m"),
)
VALUES = (
    *(None, True, False, 0, -1, 1, 2, 3, 7, 1000, 10**6, 2**31, 2**63, 10**30, 0.5, -0.5, 1e308, float("inf")),
    *(float("nan"), [], {}, [[]], [1, 2], {"name": "x"}, {"name": []}, {"tensor": "x"}, {"pairs": [[[], 1]]}),
    {"name": "tensor", "dtype": "float32", "values": [1, [2]]},
    {"name": "tensor", "dtype": "load", "values": []},
    {"name": "function", "place": "os:system"},
    {"name": "torch.nn:Linear", "in_features": 10**9, "out_features": 10**9},
)


def damaged(chance: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    """Bytes after one to four mishaps, or now and then nothing but noise."""
    if chance.random() < 0.02:
        return chance.randbytes(chance.randrange(300))
    made = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4))):
        chance.choice(MISHAPS)(chance, made, others)
    return bytes(made)


def _flip(chance: random.Random, made: bytearray, _: Any) -> None:
    if made:
        made[chance.randrange(len(made))] ^= 1 << chance.randrange(8)


def _replace(chance: random.Random, made: bytearray, _: Any) -> None:
    at = chance.randrange(len(made) + 1)
    made[at : at + chance.randrange(5)] = chance.randbytes(chance.randrange(1, 5))


def _cut(chance: random.Random, made: bytearray, _: Any) -> None:
    del made[chance.randrange(len(made) + 1) :]


def _drop(chance: random.Random, made: bytearray, _: Any) -> None:
    at = chance.randrange(len(made) + 1)
    del made[at : at + chance.choice((1, 2, 4, 8, 64))]


def _repeat(chance: random.Random, made: bytearray, _: Any) -> None:
    at = chance.randrange(len(made) + 1)
    made[at:at] = made[at : at + chance.randrange(40)] * chance.choice((1, 2, 20))


def _splice(chance: random.Random, made: bytearray, others: Sequence[bytes]) -> None:
    other = chance.choice(others)
    made[chance.randrange(len(made) + 1) :] = other[chance.randrange(len(other) + 1) :]


def _length(chance: random.Random, made: bytearray, _: Any) -> None:
    """Overwrite what may be a length with another."""
    size, order = chance.choice((1, 2, 4, 8)), chance.choice(("big", "little"))
    at = chance.choice((0, 4, 8, chance.randrange(len(made) + 1)))
    made[at : at + size] = (chance.choice(NUMBERS) % 256**size).to_bytes(size, order)


def _written(chance: random.Random, made: bytearray, _: Any) -> None:
    """Put another number where one is written in digits."""
    found = list(re.finditer(rb"\d+", made))
    if found:
        place = chance.choice(found)
        made[place.start() : place.end()] = chance.choice(WRITTEN).encode()


MISHAPS: tuple[Callable[..., None], ...] = (_flip, _flip, _replace, _cut, _drop, _repeat, _splice, _length, _written)


def with_words(chance: random.Random, content: bytes, words: Sequence[bytes]) -> bytes:
    """Bytes with one to three words of a language put in at random, often where another word begins."""
    made = bytearray(content)
    for _ in range(chance.randrange(1, 4)):
        starts = [match.start() for match in re.finditer(rb"\w+", made)] or [0]
        at = chance.choice((chance.choice(starts), chance.randrange(len(made) + 1)))
        made[at : at + chance.choice((0, 0, 1, 5))] = chance.choice(words)
    return bytes(made)


def disordered(chance: random.Random, value: Any) -> Any:
    """Nested values with one to three of them replaced, removed, renamed, wrapped or copied to another place."""
    made = copy.deepcopy(value)
    for _ in range(chance.choice((1, 1, 2, 3))):
        places = list(_places(made))
        if not places:
            return copy.deepcopy(chance.choice(VALUES))
        where, key = chance.choice(places)
        act = chance.randrange(6)
        if act == 0:
            del where[key]
        elif act == 1 and isinstance(where, dict):
            where[chance.choice((*TEXTS, *where))] = where.pop(key)
        elif act == 2:
            other, name = chance.choice(places)
            where[key] = copy.deepcopy(other.get(name) if isinstance(other, dict) else other[name % len(other)])
        elif act == 3:
            where[key] = _wrapped(chance, where[key])
        else:
            kind = chance.choice((VALUES, TEXTS, WRITTEN))
            where[key] = copy.deepcopy(chance.choice(kind))
    return made


def _wrapped(chance: random.Random, value: Any) -> Any:
    for _ in range(chance.choice((1, 2, 40, 60))):
        value = [value] if chance.random() < 0.5 else {"name": value}
    return value


def _places(value: Any) -> Any:
    """Every collection and key in it."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from _places(value[key])


def as_json(value: Any) -> bytes:
    """JSON, with lone surrogates escaped as JSON has them; deep values by hand."""
    try:
        return json.dumps(value).encode()
    except RecursionError:
        return b"[" * 2000
