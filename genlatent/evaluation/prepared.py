"""A formula of a model that is asked for again and again: run once as it stands, then as a graph."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from genlatent.errors import RecipeError
from genlatent.numerics.matmul import fast_matmul, resolve
from genlatent.training import graph as graphs
from genlatent.training.mode import choose

MODES = ("auto", "eager", "traced", "compiled")
FEWEST_CALLS = 20  # below which tracing costs more than it saves

Formula = Callable[..., Sequence[Tensor]]


def prepared(
    formula: nn.Module,
    model: Any,
    like: Sequence[Tensor],
    *,
    rows: int,
    calls: int,
    mode: str = "auto",
    matmul: str = "auto",
) -> Formula:
    """The function of tensors that `formula.forward` is, for inputs shaped like these.

    Args:
        formula: holds the model; its forward takes tensors and returns a tuple of tensors.
        model: whose evaluation mode and parameters are taken; to be called inside of `model.asked`.
        like: inputs of the only shapes that will be asked for.
        rows: how many rows its networks see in one call, and
        calls: how often it will be called; both decide what `auto` is.
        mode: `eager`, `traced`, `compiled` or `auto`; where nobody asked, what cannot be traced runs as it stands.
        matmul: route of float32 products, as in training.
    """
    if mode not in MODES:
        raise RecipeError(f"mode must be one of {', '.join(MODES)}, got {mode!r}")
    state = {**dict(formula.named_parameters()), **dict(formula.named_buffers())}
    names, held = list(state), [value.detach() for value in state.values()]

    def flat(*leaves: Tensor) -> Sequence[Tensor]:
        with torch.no_grad():
            return functional_call(formula, dict(zip(names, leaves)), leaves[len(names) :])

    leaves = [*held, *(x.clone(memory_format=torch.contiguous_format) for x in like)]
    spare = torch.Generator(like[0].device).manual_seed(0)
    with model.asked(spare), graphs.quiet_pyro(validate=True), graphs.ProductShapes() as products:
        flat(*leaves)
    route = resolve(matmul, products.shapes, like[0].device)
    chosen = choose(mode, model, rows, calls, like[0].device)
    if mode == "auto" and calls < FEWEST_CALLS:
        chosen = "eager"
    with model.asked(spare), fast_matmul(route):
        run = _made(flat, leaves, chosen, forced=mode != "auto")

    def call(*given: Tensor) -> Sequence[Tensor]:
        with fast_matmul(route):
            return run(*held, *(x.contiguous() for x in given))  # compiled code relies on how they lie in memory

    return call


def _made(flat: graphs.Flat, leaves: list[Tensor], mode: str, forced: bool) -> graphs.Flat:
    if mode == "eager":
        return flat
    try:
        graph = graphs.traced(flat, leaves)
        return graphs.compiled(graph, leaves) if mode == "compiled" else graph
    except Exception as error:  # whatever tracing raises, the same formula ran a moment ago
        if forced:
            raise RecipeError(f"the model cannot run {mode}, use mode='eager': {str(error)[:200]}") from error
        return flat
