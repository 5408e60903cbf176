"""A graph of tensor operations as machine code."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, fx


def machine_code(graph: fx.GraphModule, leaves: Sequence[Tensor]) -> Callable[..., Any]:
    """The graph compiled for inputs shaped like `leaves`, drawing the random numbers that it draws itself.

    What was compiled once is found again on disk, in torch's own cache (`TORCHINDUCTOR_CACHE_DIR`), by any process.
    Raises whatever the compiler raises. It is called once here, since a missing C++ compiler shows at the first call.
    """
    with _compiling(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the compiler's own imports
        run: Any = torch._inductor.compile(graph, list(leaves))  # pyright: ignore[reportAttributeAccessIssue]
    run(*leaves)
    return run


@contextmanager
def _compiling() -> Iterator[None]:
    """The compiler keeps a graph on disk only where a tracing context tells it that no size is a symbol."""
    from torch._guards import TracingContext, tracing  # a third of a second, of those who compile alone
    from torch._subclasses import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    context = TracingContext(FakeTensorMode(shape_env=ShapeEnv()))
    with torch._inductor.config.patch(fallback_random=True), tracing(context):  # pyright: ignore
        yield
