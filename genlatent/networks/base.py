"""What a network promises: it is described by plain values, and its layers are made when the model says its sizes."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from genlatent.components import refuse_fractions
from genlatent.errors import RecipeError

Sizes = int | Sequence[int]


def size(of: Sizes, name: str = "every size") -> torch.Size:
    """A shape, from a number or a sequence of numbers.

    >>> size(3), size((1, 8, 8))
    (torch.Size([3]), torch.Size([1, 8, 8]))
    """
    if isinstance(of, str):
        raise ValueError(f"{name} takes a number or a sequence of numbers, got {of!r}")
    shape = torch.Size([of] if isinstance(of, int) else of)
    if not shape or min(shape) < 1:
        raise ValueError(f"{name} must be at least 1, got {of}")
    return shape


class Network(nn.Module):
    """Maps `(*batch, *inputs)` to `(*batch, *outputs)`.

    A new one keeps its arguments as attributes, ends its constructor with :meth:`start`, and says in :meth:`make`
    which layers it has and in :meth:`output_layer` which comes last.
    """

    inputs: torch.Size | None = None
    outputs: torch.Size | None = None

    def __new__(cls, *given: Any, **named: Any):  # a checker of annotations in tests knows no Self
        """Refuse half a unit by name before the network is made."""
        refuse_fractions(cls, *given, **named)
        return super().__new__(cls)

    def start(self, inputs: Sizes | None, outputs: Sizes | None) -> None:
        """Keep the sizes that are known; with both, the layers are made."""
        self.inputs = None if inputs is None else size(inputs)
        self.outputs = None if outputs is None else size(outputs)
        if self.inputs is not None and self.outputs is not None:
            self.make(self.inputs, self.outputs)

    def bind(self, inputs: Sizes, outputs: Sizes) -> None:
        """Fix both sizes and make the layers; a second time it only compares."""
        made = self.inputs is not None and self.outputs is not None
        for name, wanted in (("inputs", size(inputs)), ("outputs", size(outputs))):
            own = getattr(self, name)
            if own is not None and not self.fits(own, wanted):
                raise RecipeError(f"{type(self).__name__} has {name} of shape {tuple(own)}, not {tuple(wanted)}")
            setattr(self, name, wanted)
        if not made:
            self.make(size(inputs), size(outputs))

    def bound(self) -> tuple[torch.Size, torch.Size]:
        """Shapes of one input and one output, once both are known."""
        if self.inputs is None or self.outputs is None:
            raise RecipeError(
                f"{type(self).__name__} has no sizes yet; give inputs and outputs, or put it into a model"
            )
        return self.inputs, self.outputs

    def fits(self, own: torch.Size, wanted: torch.Size) -> bool:
        """Whether layers made for one shape serve the other."""
        return own == wanted

    def make(self, inputs: torch.Size, outputs: torch.Size) -> None:
        """Make the layers."""
        raise NotImplementedError

    def output_layer(self) -> nn.Module:
        """The layer that gives the outputs; it has a bias."""
        raise NotImplementedError

    @torch.no_grad()
    def set_output_bias(self, values: Tensor) -> None:
        """Let the outputs start from these values (flat, one for each output); shared biases take their average."""
        bias = self.output_layer().bias
        assert isinstance(bias, Tensor)
        bias.copy_(values.reshape(len(bias), -1).mean(1))


def xavier(layer: nn.Module) -> nn.Module:
    r"""Weights uniform in :math:`\pm\sqrt{6 / (n_\text{in} + n_\text{out})}`, biases 0.

    References:
        Understanding the difficulty of training deep feedforward neural networks (Glorot and Bengio, 2010)
    """
    nn.init.xavier_uniform_(layer.weight)  # pyright: ignore[reportArgumentType]
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType]
    return layer
