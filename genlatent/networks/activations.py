"""Activations by name."""

from torch import nn

from genlatent.errors import RecipeError
from genlatent.registry import nearest

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "softplus": nn.Softplus,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "identity": nn.Identity,
}


def activation(name: str) -> nn.Module:
    """The activation of that name.

    >>> activation("relu")
    ReLU()
    """
    if name not in ACTIVATIONS:
        raise RecipeError(f"no activation is called {name!r}; {nearest(name, list(ACTIVATIONS))}")
    return ACTIVATIONS[name]()
