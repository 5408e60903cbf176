"""The text of a graph's code, which torch keeps for tracebacks as long as the process lives."""

import linecache
from collections.abc import Iterator
from contextlib import contextmanager

from torch.fx import graph_module

PREFIX = "<eval_with_key>"  # of the names under which torch keeps them


@contextmanager
def forgotten() -> Iterator[None]:
    """Let the texts go of all graphs that are made inside, so that a thousand trainings take no more memory than one.

    A graph runs without its text; a traceback through it shows no lines of it.
    """
    known = set(linecache.cache)
    try:
        yield
    finally:
        for name in [name for name in list(linecache.cache) if name not in known and name.startswith(PREFIX)]:
            linecache.cache.pop(name, None)
            graph_module._loader.eval_cache.pop(name, None)
