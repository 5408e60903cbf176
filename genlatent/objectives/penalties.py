"""What a penalty promises, and how one that looks at the encoder's layers gets to see them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from genlatent.components import Component
from genlatent.errors import RecipeError
from genlatent.networks.activations import ACTIVATIONS

Layer = int | str  # the number of an activation in the encoder, the name of a part of it, or CODE
Seen = Mapping[Layer, Tensor]  # what the layers gave, (batch, units)
CODE = "code"

NONLINEAR = (*(kind for name, kind in ACTIVATIONS.items() if name != "identity"), nn.ELU, nn.SELU, nn.PReLU, nn.ReLU6)


class Penalty(Component):
    """Called as `penalty(model, x, code)`, it gives a value for each row, or a scalar; any such callable is one."""

    def check(self, model: Any, x: Tensor) -> None:
        """Refuse a model that it does not suit; `x` are training rows. Asked before the first step."""

    def __call__(self, model: Any, x: Tensor, code: Tensor) -> Tensor:
        """The penalty."""
        raise NotImplementedError


class LayerPenalty(Component):
    """A penalty on what layers of the encoder give, with a state that is carried from step to step.

    Attributes:
        layers: `"code"` for the code itself; a number for one of the encoder's activations, counted from the data
            upwards from 0; or the name of any part of the encoder.
    """

    layers: tuple[Layer, ...] = (CODE,)

    def start(self, seen: Seen) -> dict[str, Tensor]:
        """The state before the first step, from what the layers give for training rows; refuses what does not suit."""
        return {}

    def __call__(self, seen: Seen, state: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The penalty, a value for each row or a scalar, and the state after this step."""
        raise NotImplementedError


def as_layers(layers: Sequence[Layer] | Layer) -> tuple[Layer, ...]:
    """One layer or several, as a tuple.

    >>> as_layers("code"), as_layers([0, 1])
    (('code',), (0, 1))
    """
    found = (layers,) if isinstance(layers, (int, str)) else tuple(layers)
    if not found:
        raise RecipeError('layers names no layer; leave it out for the code, or give for example [0, "code"]')
    return found


def parts_of(encoder: nn.Module, layers: Iterable[Layer]) -> dict[Layer, nn.Module]:
    """The part of the encoder that each layer means; the code is none.

    >>> net = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid(), nn.Linear(3, 2))
    >>> parts_of(net, [0, "code", "2"])
    {0: Sigmoid(), '2': Linear(in_features=3, out_features=2, bias=True)}
    """
    named = dict(encoder.named_modules())
    numbered = [part for part in named.values() if isinstance(part, NONLINEAR)]
    found: dict[Layer, nn.Module] = {}
    for layer in layers:
        if isinstance(layer, int) and not 0 <= layer < len(numbered):
            raise RecipeError(
                f"layers: there is no activation {layer}; the encoder has {len(numbered)}, counted from 0"
            )
        if isinstance(layer, str) and layer != CODE and layer not in named:
            raise RecipeError(
                f"layers: the encoder has no part {layer!r}; known: code, {', '.join(filter(None, named))}"
            )
        if layer != CODE:
            found[layer] = numbered[layer] if isinstance(layer, int) else named[layer]
    return found


@contextmanager
def watching(encoder: nn.Module, layers: Iterable[Layer]) -> Iterator[dict[Layer, Tensor]]:
    """What these layers give while the encoder runs inside this context, flat; hooks see it, also while tracing."""
    seen: dict[Layer, Tensor] = {}

    def note(layer: Layer) -> Any:
        return lambda part, args, out: seen.__setitem__(layer, out.flatten(1))

    hooks = [part.register_forward_hook(note(layer)) for layer, part in parts_of(encoder, layers).items()]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
