"""What every transition kernel promises."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from genlatent.components import refuse_unknown
from genlatent.errors import RecipeError

TAKEN = ("machine", "energy", "shape", "given", "temperature")  # what a model hands to its kernels itself


@runtime_checkable
class Runner(Protocol):
    """Chains on their way: what a kernel hands out for many steps in a row."""

    @property
    def state(self) -> Any:
        """Where the chains are; the next `advance` may overwrite it."""
        ...

    def advance(self, steps: int) -> None:
        """So many steps on."""
        ...


@runtime_checkable
class Kernel(Protocol):
    """A step that leaves its target distribution unchanged; the leading axis of every tensor is the chain.

    `state` is what the next step needs; `info` what only a human needs (acceptance, swaps, energy). With a generator
    the random numbers are its own; without one they come from torch's default generator, as traced steps need.
    """

    def init(self, chains: int, generator: torch.Generator | None = None) -> Any:
        """The state from which chains start."""
        ...

    def step(self, state: Any, generator: torch.Generator | None = None) -> tuple[Any, dict[str, Tensor]]:
        """The next state, and what there is to say about the step; `state` is left as it was."""
        ...

    def runner(self, state: Any, generator: torch.Generator | None = None) -> Runner:
        """The fastest way through many steps: the same law as `step`, not always the same random numbers."""
        ...

    def products(self, state: Any) -> list[tuple[int, int, int]]:
        """`(rows, inner, columns)` of the matrix products of one step, by which the product's route is chosen."""
        ...


@runtime_checkable
class Adaptive(Protocol):
    """A kernel that can tune itself (a step size, a ladder) while chains burn in, and is frozen from then on."""

    def adapting(self, state: Any, steps: int, generator: torch.Generator | None = None) -> Runner:
        """Exactly so many steps of tuning, after which the runner's state holds what was found."""
        ...


def chosen(methods: Mapping[str, Callable[..., Any]], method: str, how: Iterable[str]) -> Callable[..., Any]:
    """The kernel of that name, or one sentence about a method, or an argument of it, that is not there."""
    if method not in methods:
        raise RecipeError(f"no method of sampling is called {method!r}; known: {', '.join(methods)}")
    refuse_unknown(method, how, [name for name in inspect.signature(methods[method]).parameters if name not in TAKEN])
    return methods[method]
