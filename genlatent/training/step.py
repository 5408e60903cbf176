"""Loss and gradients of one batch, in three modes: eager, traced, compiled."""

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from genlatent.errors import RecipeError
from genlatent.numerics.matmul import fast_matmul, resolve
from genlatent.numerics.randomness import drawing_from
from genlatent.objectives.base import Batch, Labelled, Loss, Objective
from genlatent.training import compilations
from genlatent.training import graph as graphs

MODES = ("eager", "traced", "compiled")


class Rows(NamedTuple):
    """Training rows on the device and which of them a step takes."""

    rows: Tensor
    labels: Tensor | None
    index: Tensor
    labelled: Labelled | None = None  # where the first of them are labelled and the others are not


class Outcome(NamedTuple):
    """What one evaluation of the step gives; nothing has been moved yet."""

    value: Tensor
    metrics: dict[str, Tensor]
    gradients: dict[str, Tensor]
    buffers: dict[str, Tensor]
    state: dict[str, Tensor]


class Together(nn.Module):
    """Model and objective as one module, so that an objective may have parameters too."""

    def __init__(self, model: nn.Module, objective: Objective):
        super().__init__()
        self.model = model
        self.objective = objective

    def forward(self, batch: Batch, state: dict[str, Tensor]) -> Loss:
        """The objective's loss."""
        return self.objective(self.model, batch, state)


class Program(NamedTuple):
    """A step for one set of shapes: a flat function and the names of what it returns."""

    run: graphs.Flat
    layout: list[list[str]]


class Step:
    """The gradient of an objective, pure in parameters, buffers, state, batch and random stream.

    Args:
        model: holds the parameters; they are read at every call and never written here.
        objective: what is minimised.
        observe: what the model sees of gathered rows (fresh bits under dynamic binarisation).
        mode: `eager` runs Python at every call; `traced` replays a graph; `compiled` runs it as machine code.
        matmul: route of float32 products: `auto`, `float32`, `fast`, `bfloat16`.
        num_rows: rows of the whole training part, for objectives that ask.
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        *,
        observe: Callable[[Tensor], Tensor] = lambda x: x,
        mode: str = "traced",
        matmul: str = "auto",
        num_rows: int | None = None,
    ):
        if mode not in MODES:
            raise RecipeError(f"mode must be one of {', '.join(MODES)} or auto, got {mode!r}")
        self.together = Together(model, objective)
        self.observe = observe
        self.num_rows = num_rows
        self.mode = mode
        self.route = matmul
        self.programs: dict[tuple, Program] = {}
        parameters = dict(self.together.named_parameters())
        self.trained = {name: p for name, p in parameters.items() if p.requires_grad}
        self.fixed = {name: p for name, p in parameters.items() if not p.requires_grad}
        self.buffers = dict(self.together.named_buffers())
        self.running = set(_running(self.together))

    def __call__(
        self, batch: Rows, progress: Tensor, state: dict[str, Tensor], generator: torch.Generator | None = None
    ) -> Outcome:
        """Evaluate one step; the draws belong to `generator`."""
        program = self._program(batch, progress, state)
        with drawing_from(generator), fast_matmul(self.route):
            flat = program.run(*self._leaves(batch, progress, state))
        return _unflatten(flat, program.layout)

    def _leaves(self, batch: Rows, progress: Tensor, state: dict[str, Tensor]) -> list[Tensor]:
        """Everything the step reads, as plain tensors: the gradient is part of the step, nobody differentiates it."""
        labels = [] if batch.labels is None else [batch.labels]
        return [
            *(p.detach() for p in self.trained.values()),
            *(p.detach() for p in self.fixed.values()),
            *self.buffers.values(),
            *(batch.rows, *labels, batch.index, progress),
            *state.values(),
        ]

    def _program(self, batch: Rows, progress: Tensor, state: dict[str, Tensor]) -> Program:
        shapes = (batch.rows.shape, batch.labels is None or batch.labels.shape, batch.index.shape)
        key = (*shapes, batch.labelled, self.together.training, *((name, value.shape) for name, value in state.items()))
        if key not in self.programs:
            self.programs[key] = self._prepared(self._leaves(batch, progress, state), batch, tuple(state))
        return self.programs[key]

    def forget(self) -> None:
        """Let go of what was prepared, which refers back to the model: so all of it is freed at once when it can be."""
        self.programs.clear()

    def _prepared(self, leaves: list[Tensor], batch: Rows, state: Sequence[str]) -> Program:
        """One validated evaluation first, so that a user's mistake is reported where it was made."""
        layout: list[list[str]] = []
        evaluate = self._flat(batch, state, layout)
        spare = torch.Generator(device=batch.rows.device)
        if not self.programs:
            with graphs.quiet_pyro(validate=True), drawing_from(spare), graphs.ProductShapes() as products:
                evaluate(*leaves)
            self.route = resolve(self.route, products.shapes, leaves[0].device)
        rows = len(batch.index)
        run = self._eager(evaluate) if self.mode == "eager" else self._graph(evaluate, leaves, spare, rows)
        return Program(run, layout)

    @staticmethod
    def _eager(evaluate: graphs.Flat) -> graphs.Flat:
        def run(*leaves: Tensor) -> Sequence[Tensor]:
            with graphs.quiet_pyro():
                return evaluate(*leaves)

        return run

    def _graph(self, evaluate: graphs.Flat, leaves: list[Tensor], spare: torch.Generator, rows: int) -> graphs.Flat:
        try:
            graph = graphs.traced(evaluate, leaves)
        except RecipeError:
            raise
        except Exception as error:  # whatever tracing raises, the same step ran a moment ago
            reason = str(error).strip().partition("\n")[0]
            warnings.warn(f"the step cannot be traced and runs eagerly, which is slower: {reason}", stacklevel=2)
            self.mode = "eager"
            return self._eager(evaluate)
        if self.mode == "compiled" and not self.programs:
            return self._compiled(graph, leaves, spare, rows)
        return graph  # rare shapes, such as an epoch's last batch, are not worth a compilation

    def _compiled(self, graph: Any, leaves: list[Tensor], spare: torch.Generator, rows: int) -> graphs.Flat:
        start = time.perf_counter()
        try:
            with drawing_from(spare):
                found = graphs.compiled(graph, leaves)
        except Exception as error:
            reason = str(error).strip().partition("\n")[0]
            warnings.warn(f"the step cannot be compiled and runs as a traced graph: {reason}", stacklevel=2)
            self.mode = "traced"
            return graph
        name = compilations.name_of(self.together.model, self.together.objective, rows, self.num_rows)
        compilations.remember(name, time.perf_counter() - start)
        return found

    def _flat(self, like: Rows, state_names: Sequence[str], layout: list[list[str]]) -> graphs.Flat:
        """The step as a function of a flat list of tensors; `layout` is filled with the names of what it returns."""
        sizes = [len(self.trained), len(self.fixed), len(self.buffers)]

        def evaluate(*leaves: Tensor) -> list[Tensor]:
            rest = iter(leaves)
            trained, fixed, buffers = (list(islice(rest, size)) for size in sizes)
            batch = Rows(next(rest), None if like.labels is None else next(rest), next(rest), like.labelled)
            progress, state = next(rest), dict(zip(state_names, rest))
            outcome = self._evaluate(trained, fixed, buffers, batch, progress, state)
            parts = outcome[1:]
            layout[:] = [list(part) for part in parts]
            return [outcome.value, *(value for part in parts for value in part.values())]

        return evaluate

    def _evaluate(
        self,
        trained: list[Tensor],
        fixed: list[Tensor],
        buffers: list[Tensor],
        batch: Rows,
        progress: Tensor,
        state: dict[str, Tensor],
    ) -> Outcome:
        leaves = [p.detach().requires_grad_() for p in trained]
        clones = [b.clone() for b in buffers]
        swapped = dict(zip(self.trained, leaves)) | dict(zip(self.fixed, fixed)) | dict(zip(self.buffers, clones))
        with torch.enable_grad():
            x = self.observe(batch.rows.index_select(0, batch.index))
            y = None if batch.labels is None else batch.labels.index_select(0, batch.index)
            seen = Batch(x, y, progress, self.num_rows, batch.labelled)
            loss = functional_call(self.together, swapped, (seen, state))
            gradients = torch.autograd.grad(loss.value, leaves, allow_unused=True)
        moved = {n: swapped[n] for n, b in zip(self.buffers, clones) if swapped[n] is not b or b._version}
        moved |= {n: swapped[n] for n in self.running if self.together.training}
        moved |= {f"model.{name}": value for name, value in loss.buffers.items()}
        return Outcome(
            loss.value.detach(),
            _detached(loss.metrics),
            {name: _laid_out(g, p) for name, p, g in zip(self.trained, leaves, gradients) if g is not None},
            _detached(moved),
            _detached(loss.state),
        )


def _running(module: nn.Module) -> Iterator[str]:
    """Names of the averages that torch's normalisations move in their kernels, which is not counted as a change."""
    for name, part in module.named_modules():
        if getattr(part, "track_running_stats", False):
            yield from (f"{name}.{of}" for of in ("running_mean", "running_var") if getattr(part, of, None) is not None)


def _detached(values: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in values.items()}


def _laid_out(gradient: Tensor, parameter: Tensor) -> Tensor:
    """The gradient in memory as its parameter is: fused optimisers read both from the first number to the last."""
    same = gradient.stride() == parameter.stride()
    return gradient if same else torch.empty_like(parameter.detach()).copy_(gradient)


def _unflatten(flat: Sequence[Tensor], layout: list[list[str]]) -> Outcome:
    rest = iter(flat)
    value = next(rest)
    return Outcome(value, *({name: next(rest) for name in names} for names in layout))
