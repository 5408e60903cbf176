"""Running chains: burn-in, thinning, progress, and what is kept of them."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from genlatent.errors import RecipeError
from genlatent.numerics.matmul import choose, fast_matmul
from genlatent.sampling.draws import Draws
from genlatent.sampling.kernels import Adaptive, Kernel, Runner
from genlatent.sampling.stepping import refuse_infinite
from genlatent.sampling.stored import Stored
from genlatent.sampling.streaming import FEWEST, Streaming

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
def warm_up(
    kernel: Kernel,
    state: Any,
    steps: int,
    *,
    generator: torch.Generator | None = None,
    progress: Progress | None = None,
) -> Any:
    """The state after so many steps, in which a kernel that can tune itself has done so."""
    if steps < 1:
        raise RecipeError(f"steps must be at least 1, got {steps}")
    with _route(kernel, state):
        return _burnt_in(kernel, state, steps, _Counter(steps, progress), generator).state


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
        burn_in: steps before the first interval, in which a kernel that can tune itself does so.
        thin: steps from one observation to the next.
        observe: what is kept of a state, by name; the layers by default.
        generator: the random stream; torch's default one otherwise.
        progress: called with steps done and steps in all.
    """
    observe, kept = observe or _layers, Stored(draws)

    def keep(draw: int, state: Any) -> None:
        kept.write(draw, observe(state))

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
        totals.append(totals.pop() + of(state) if totals else of(state).clone())

    _visit(kernel, state, draws, add, burn_in, thin, generator, progress)
    return totals[0] / draws


@torch.no_grad()
def watch(
    kernel: Kernel,
    state: Any,
    draws: int,
    *,
    burn_in: int = 0,
    thin: int = 1,
    observe: Observe | None = None,
    rhat: float | None = None,
    ess: float | None = None,
    every: int = 100,
    generator: torch.Generator | None = None,
    progress: Progress | None = None,
) -> tuple[Any, Streaming]:
    """The last state, and running diagnostics of what was observed; no draw is kept, however long the run.

    Looking again and again and stopping at the first good figures flatters them a little: let the wishes be strict.

    Args:
        kernel, state, burn_in, thin, observe, generator, progress: as in :func:`trace`.
        draws: how many there are at the most.
        rhat: stop when no variable has a larger one ...
        ess: ... and none has fewer effective draws; without wishes all draws are made.
        every: draws between two looks.
    """
    observe, found = observe or _layers, Streaming()
    if every < FEWEST:
        raise RecipeError(f"every must be at least {FEWEST}, got {every}")

    def enough(draw: int, state: Any) -> bool:
        found.add(observe(state))
        return found.draws % every == 0 and found.reached(rhat, ess)

    return _visit(kernel, state, draws, enough, burn_in, thin, generator, progress), found


def _visit(
    kernel: Kernel,
    state: Any,
    draws: int,
    see: Callable[[int, Any], bool | None],
    burn_in: int,
    thin: int,
    generator: torch.Generator | None,
    progress: Progress | None,
) -> Any:
    """Show each draw's state to `see`, until that has seen enough; the last state comes back."""
    if draws < 1 or thin < 1 or burn_in < 0:
        raise RecipeError(f"draws and thin must be at least 1, burn_in at least 0, got {draws}, {thin}, {burn_in}")
    counter = _Counter(burn_in + draws * thin, progress)
    with _route(kernel, state):
        runner = _burnt_in(kernel, state, burn_in, counter, generator)
        for draw in range(draws):
            _advance(runner, thin, counter)
            if see(draw, runner.state):
                break
    return runner.state


def _burnt_in(kernel: Kernel, state: Any, steps: int, counter: "_Counter", generator: torch.Generator | None) -> Runner:
    """A runner whose first steps are done; a kernel that can tune itself did so during them and is frozen now."""
    if steps > 0 and isinstance(kernel, Adaptive):
        tuning = kernel.adapting(state, steps, generator)
        _advance(tuning, steps, counter)
        return kernel.runner(tuning.state, generator)
    runner = kernel.runner(state, generator)
    _advance(runner, steps, counter)
    return runner


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
    refuse_infinite(kernel, state)
    return fast_matmul(choose(kernel.products(state), next(iter(state.layers.values())).device))


def _layers(state: Any) -> Mapping[str, Tensor]:
    return state.layers
