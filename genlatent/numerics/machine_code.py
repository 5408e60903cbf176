"""A graph of tensor operations as machine code."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, fx


def machine_code(graph: fx.GraphModule, leaves: Sequence[Tensor]) -> Callable[..., Any]:
    """The graph compiled for inputs shaped like `leaves`, drawing the random numbers that it draws itself.

    Raises whatever the compiler raises. It is called once here, since a missing C++ compiler shows at the first call.
    """
    with torch._inductor.config.patch(fallback_random=True), warnings.catch_warnings():  # pyright: ignore
        warnings.simplefilter("ignore")  # of the compiler's own imports
        run: Any = torch._inductor.compile(graph, list(leaves))  # pyright: ignore[reportAttributeAccessIssue]
        run(*leaves)
    return run
