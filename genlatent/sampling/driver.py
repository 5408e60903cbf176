"""Running chains: burn-in, thinning, progress, and what is kept of them."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from genlatent.errors import RecipeError
from genlatent.numerics.matmul import choose, fast_matmul
from genlatent.sampling.draws import Draws
from genlatent.sampling.kernels import Kernel, Runner

Progress = Callable[[int, int], None]  # steps done, steps in all
Observe = Callable[[Any], Mapping[str, Tensor]]  # a state -> what is kept of it, (chain, ...) each

CHUNK = 50  # steps between two reports of progress


@torch.no_grad()
def run(
    kernel: Kernel,
    state: Any,
    steps: int,
    *,
    generator: torch.Generator | None = None,
    progress: Progress | None = None,
) -> Any:
    """The state after so many steps."""
    if steps < 1:
        raise RecipeError(f"steps must be at least 1, got {steps}")
    runner, counter = kernel.runner(state, generator), _Counter(steps, progress)
    with _route(kernel, state):
        _advance(runner, steps, counter)
    return runner.state


@torch.no_grad()
def trace(
    kernel: Kernel,
    state: Any,
    draws: int,
    *,
    burn_in: int = 0,
    thin: int = 1,
    observe: Observe | None = None,
    generator: torch.Generator | None = None,
    progress: Progress | None = None,
) -> tuple[Any, Draws]:
    """The last state, and what was observed after `burn_in` steps and then after every `thin` steps.

    Args:
        kernel: what moves the chains.
        state: where they start.
        draws: how many times each chain is observed.
        burn_in: steps before the first interval.
        thin: steps from one observation to the next.
        observe: what is kept of a state, by name; the layers by default.
        generator: the random stream; torch's default one otherwise.
        progress: called with steps done and steps in all.
    """
    observe = observe or _layers
    kept: dict[str, Tensor] = {}

    def keep(draw: int, state: Any) -> None:
        for name, value in observe(state).items():
            if name not in kept:
                kept[name] = value.new_empty(len(value), draws, *value.shape[1:])
            kept[name][:, draw] = value

    last = _visit(kernel, state, draws, keep, burn_in, thin, generator, progress)
    return last, Draws(kept, burn_in=burn_in, thin=thin)


@torch.no_grad()
def average(
    kernel: Kernel,
    state: Any,
    draws: int,
    of: Callable[[Any], Tensor],
    *,
    burn_in: int = 0,
    thin: int = 1,
    generator: torch.Generator | None = None,
    progress: Progress | None = None,
) -> Tensor:
    """Mean of `of(state)` over the draws of each chain, none of which is kept; arguments as in :func:`trace`."""
    totals: list[Tensor] = []

    def add(draw: int, state: Any) -> None:
        totals.append(totals.pop() + of(state) if totals else of(state))

    _visit(kernel, state, draws, add, burn_in, thin, generator, progress)
    return totals[0] / draws


def _visit(
    kernel: Kernel,
    state: Any,
    draws: int,
    see: Callable[[int, Any], None],
    burn_in: int,
    thin: int,
    generator: torch.Generator | None,
    progress: Progress | None,
) -> Any:
    """Show each draw's state to `see`; the last state comes back."""
    if draws < 1 or thin < 1 or burn_in < 0:
        raise RecipeError(f"draws and thin must be at least 1, burn_in at least 0, got {draws}, {thin}, {burn_in}")
    runner, counter = kernel.runner(state, generator), _Counter(burn_in + draws * thin, progress)
    with _route(kernel, state):
        _advance(runner, burn_in, counter)
        for draw in range(draws):
            _advance(runner, thin, counter)
            see(draw, runner.state)
    return runner.state


class _Counter:
    """Steps done so far, told to whoever listens."""

    def __init__(self, total: int, progress: Progress | None):
        self.done, self.total, self.progress = 0, total, progress

    def add(self, steps: int) -> None:
        self.done += steps
        if self.progress is not None:
            self.progress(self.done, self.total)


def _advance(runner: Runner, steps: int, counter: _Counter) -> None:
    while steps > 0:
        part = min(steps, CHUNK)
        runner.advance(part)
        counter.add(part)
        steps -= part


def _route(kernel: Kernel, state: Any) -> AbstractContextManager[None]:
    return fast_matmul(choose(kernel.products(state), next(iter(state.layers.values())).device))


def _layers(state: Any) -> Mapping[str, Tensor]:
    return state.layers
