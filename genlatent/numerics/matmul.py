r"""The faster float32 matrix product, where there is one that keeps float32 accuracy.

On some CPUs torch's default library runs float32 products at half the speed of the other library it carries. The
switch to that one is named after bfloat16, and on CPUs with matrix units it really rounds to bfloat16; so it is taken
only where a probe finds it faster *and* as accurate as float32, and only around our own steps.
"""

import functools
import statistics
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

ROUTES = ("float32", "fast", "bfloat16")  # "fast": as accurate as float32 here; "bfloat16": the same, unprobed

PROBE = (128, 784, 400)  # rows, inner, columns of a typical hidden layer
PAIRS = 60  # products of both routes that are timed in turn
WORTHWHILE = 1.25  # least gain in speed at the probe's size
TOLERANCE = 4.0  # largest error, in units of the ordinary product's error; true bfloat16 is a thousand times off
SMALLEST = 2_000_000  # multiplications; below about this size the switch costs more than it gains
LOSS = 1_200_000  # what a small product loses, in multiplications of a large one

_lock = threading.Lock()
_depth = 0
_before = "none"


@contextmanager
def fast_matmul(route: str = "fast") -> Iterator[None]:
    """Take `route` for float32 products inside, and put the process-wide switch back afterwards.

    Contexts nest and may overlap in several threads: the switch goes back when the last one ends.

    >>> with fast_matmul("float32"):
    ...     product = torch.ones(2, 2) @ torch.ones(2, 2)
    """
    global _depth, _before
    if route not in ROUTES:
        raise ValueError(f"no route is called {route!r}; known: {', '.join(ROUTES)}")
    if route == "float32":
        yield
        return
    backend: Any = torch.backends.mkldnn.matmul  # pyright: ignore[reportAttributeAccessIssue]
    with _lock:
        if _depth == 0:
            _before = backend.fp32_precision
            backend.fp32_precision = "bf16"
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                backend.fp32_precision = _before


@functools.cache
def fast_is_better() -> bool:
    """Whether the fast route is faster on this machine and no less accurate than float32; probed once per process.

    The two are timed in turn, and the middle of their ratios decides: what else the machine does at the time slows both
    products of a pair, so that processes beside each other come to the same answer.
    """
    if not torch.backends.mkldnn.is_available():
        return False
    generator = torch.Generator().manual_seed(0)
    rows, inner, columns = PROBE
    a, b = (torch.randn(shape, generator=generator) for shape in ((rows, inner), (inner, columns)))
    exact = a.double() @ b.double()
    error, ordinary = ((_timed(a, b, route)[1] - exact).norm().item() for route in ("bfloat16", "float32"))
    if error > TOLERANCE * ordinary:
        return False
    pairs = [(_timed(a, b, "float32")[0], _timed(a, b, "bfloat16")[0]) for _ in range(PAIRS)]
    return statistics.median(plain / fast for plain, fast in pairs) >= WORTHWHILE


def _timed(a: torch.Tensor, b: torch.Tensor, route: str) -> tuple[float, torch.Tensor]:
    """The time of a product, and the product."""
    with fast_matmul(route):
        start = time.perf_counter()
        product = a @ b
        return time.perf_counter() - start, product


def choose(shapes: Iterable[tuple[int, int, int]], device: torch.device | None = None) -> str:
    """The route for products of these `(rows, inner, columns)`: fast where most of the work gains by it.

    The choice depends on the machine and the shapes alone, so that the same run is made the same way twice.
    """
    if device is not None and device.type != "cpu":
        return "float32"
    sizes = [rows * inner * columns for rows, inner, columns in shapes]
    large = sum(size for size in sizes if size >= SMALLEST)
    small = sum(1 for size in sizes if size < SMALLEST)
    return "fast" if large > small * LOSS and fast_is_better() else "float32"


def resolve(route: str, shapes: Iterable[tuple[int, int, int]], device: torch.device | None = None) -> str:
    """The route to take: the named one, or for `auto` the one that suits the shapes."""
    if route == "auto":
        return choose(shapes, device)
    if route == "fast" and not fast_is_better():
        warnings.warn("no faster float32 product on this machine: the ordinary one is used", stacklevel=2)
        return "float32"
    if route not in ROUTES:
        raise ValueError(f"matmul must be auto, {', '.join(ROUTES[:-1])} or {ROUTES[-1]}, got {route!r}")
    return route
