"""A step as a graph: Python, and Pyro's handlers in it, run once while tracing; what remains are tensor operations."""

import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyro
import torch
from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._python_dispatch import TorchDispatchMode

from genlatent.errors import RecipeError
from genlatent.numerics.machine_code import machine_code
from genlatent.training import sources
from genlatent.training.epilogue import unbiased
from genlatent.training.reuse import reusing, unshared
from genlatent.training.simplify import simplified

Flat = Callable[..., Sequence[Tensor]]

# Pyro's handler stack and torch's tracing modes belong to the process, so one thread traces at a time.
_tracing = threading.RLock()

PRODUCTS = {
    torch.ops.aten.mm.default: 0,
    torch.ops.aten.addmm.default: 1,
    torch.ops.aten.bmm.default: 0,
    torch.ops.aten.baddbmm.default: 1,
}  # and the place of the left factor among the arguments


@contextmanager
def quiet_pyro(validate: bool = False) -> Iterator[None]:
    """Pyro without the user's parameter store, and without checks that read tensor values."""
    with _tracing, pyro.validation_enabled(validate), pyro.get_param_store().scope():
        yield


def traced(flat: Flat, leaves: Sequence[Tensor]) -> fx.GraphModule:
    """The graph of `flat` for inputs shaped like `leaves`; it draws fresh random numbers at every call."""
    with sources.forgotten():
        with quiet_pyro(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tracing itself; the step was run once before, with its warnings shown
            graph = make_fx(flat, tracing_mode="fake", _allow_non_fake_inputs=True)(*leaves)
        _refuse_unregistered(graph)
        return reusing(simplified(graph))


def _refuse_unregistered(graph: fx.GraphModule) -> None:
    """A constant that wants a gradient would silently never be trained."""
    for node in graph.graph.nodes:
        constant = getattr(graph, node.target) if node.op == "get_attr" else None
        if isinstance(constant, Tensor) and (constant.requires_grad or isinstance(constant, torch.nn.Parameter)):
            raise RecipeError(
                f"a tensor of shape {tuple(constant.shape)} that wants a gradient is used in the model but is not one "
                "of its parameters, so it would never be trained; assign its module or nn.Parameter to the model"
            )


class ProductShapes(TorchDispatchMode):
    """Looks on while a step runs: `(rows, inner, columns)` of every matrix product."""

    def __init__(self):
        super().__init__()
        self.shapes: list[tuple[int, int, int]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in PRODUCTS:
            left, right = (argument.shape for argument in args[PRODUCTS[func] : PRODUCTS[func] + 2])
            self.shapes.append((int(left[-2]), int(left[-1]), int(right[-1])))
        return func(*args, **(kwargs or {}))


def compiled(graph: fx.GraphModule, leaves: Sequence[Tensor]) -> Flat:
    """The graph as machine code, drawing the same random numbers as the traced one."""
    with sources.forgotten():
        return machine_code(unbiased(unshared(graph)), leaves)
