"""Pyro's invertible transforms by name, free or steered by an encoder's context."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pyro.distributions.transforms as T
import torch
from torch import Tensor, nn
from torch.distributions import Transform, constraints

from genlatent.errors import RecipeError
from genlatent.registry import nearest

CALM = 0.1  # factor on the last layer's weights, so that a flow starts near a plain shift and stretch

# name -> transform of so many values, with so many hidden units
FREE: dict[str, Callable[[int, list[int]], Any]] = {
    "affine-coupling": lambda width, hidden: T.affine_coupling(width, hidden),
    "affine-autoregressive": lambda width, hidden: T.affine_autoregressive(width, hidden),
    "spline": lambda width, hidden: T.spline(width),
    "spline-coupling": lambda width, hidden: T.spline_coupling(width, hidden_dims=hidden),
    "spline-autoregressive": lambda width, hidden: T.spline_autoregressive(width, hidden),
    "householder": lambda width, hidden: T.householder(width, count_transforms=2),
    "matrix-exponential": lambda width, hidden: T.matrix_exponential(width),
    "planar": lambda width, hidden: T.planar(width),
    "radial": lambda width, hidden: T.radial(width),
}

# name -> transform of so many values, given so long a context, with so many hidden units
STEERED: dict[str, Callable[[int, int, list[int]], Any]] = {
    "affine-autoregressive": lambda width, context, hidden: T.conditional_affine_autoregressive(width, context, hidden),
    "affine-coupling": lambda width, context, hidden: T.conditional_affine_coupling(width, context, hidden),
    "spline": lambda width, context, hidden: T.conditional_spline(width, context, hidden),
    "spline-autoregressive": lambda width, context, hidden: T.conditional_spline_autoregressive(width, context, hidden),
    "planar": lambda width, context, hidden: T.conditional_planar(width, context, hidden),
    "radial": lambda width, context, hidden: T.conditional_radial(width, context, hidden),
}

ONE_WAY = ("planar", "radial")  # no inverse in closed form
SCORED_BACKWARDS = ("affine-autoregressive", "spline-autoregressive")  # one pass one way, one pass per value back
COUPLED = ("affine-coupling", "spline-coupling", "affine-autoregressive", "spline-autoregressive")


class Turned(Transform):
    """The values in reverse order, so that the next transform treats first what the last one treated last."""

    domain = constraints.real_vector
    codomain = constraints.real_vector
    bijective = True

    def __init__(self):
        super().__init__(cache_size=1)  # what was drawn is recognised when it is scored

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Turned)

    def __hash__(self) -> int:
        return hash(Turned)

    def _call(self, x: Tensor) -> Tensor:
        return x.flip(-1)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.flip(-1)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Zero."""
        return x.new_zeros(x.shape[:-1])


def check(name: str, known: dict[str, Any], count: int) -> None:
    """Refuse an unknown transform, or none at all."""
    if name not in known:
        raise RecipeError(f"no transform is called {name!r}; {nearest(name, list(known))}")
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")


def width(event_shape: torch.Size, name: str) -> int:
    """Values of one event, which must be a vector, and of two or more where a transform ties values together."""
    if len(event_shape) != 1:
        raise RecipeError(f"a flow bends vectors, the latent has shape {tuple(event_shape)}")
    if event_shape[0] < 2 and name in COUPLED:
        raise RecipeError(f"{name!r} ties values together, and the latent has only one; use spline")
    return event_shape[0]


def free(name: str, width: int, hidden: Sequence[int]) -> nn.Module:
    """A transform with parameters of its own."""
    return calm(FREE[name](width, list(hidden)))


def steered(name: str, width: int, context: int, hidden: Sequence[int]) -> nn.Module:
    """A transform whose parameters follow a context."""
    return calm(STEERED[name](width, context, list(hidden)))


@torch.no_grad()
def calm(transform: nn.Module) -> nn.Module:
    """Make the last layer of each network inside small, and splines nearly straight."""
    for part in transform.modules():
        layers = getattr(part, "layers", None)
        last = layers[-1] if isinstance(layers, nn.ModuleList) else None
        for tensor in last.parameters() if isinstance(last, nn.Linear) else ():
            tensor.mul_(CALM)
        for knots in part.parameters() if isinstance(part, T.Spline) else ():
            knots.mul_(CALM)
    return transform


def fresh(transform: Any) -> Any:
    """The transform with the same parameters and a memory of its own, so that no draw stays in the model."""
    return copy.copy(transform)


def turned(steps: Sequence[Any]) -> list[Any]:
    """The steps with the order of values turned round between them."""
    return [part for step in steps for part in (step, Turned())][:-1]
