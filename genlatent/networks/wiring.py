"""How a model joins its networks to what stands before and after them, and says so when they do not fit."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from genlatent.errors import RecipeError
from genlatent.networks.base import Network


@dataclass(frozen=True)
class Joint:
    """Where a network stands in a model: what it is called, what goes in, and how many outputs are needed by whom."""

    role: str  # "encoder"
    inputs: torch.Size
    outputs: torch.Size
    taker: str  # "the posterior of 20 latents"

    def connect(self, network: nn.Module) -> None:
        """Tell a network its sizes; a module from elsewhere is taken as it is."""
        if not isinstance(network, Network):
            return
        if network.outputs is not None and network.outputs.numel() != self.outputs.numel():
            raise self.refusal(network.outputs.numel())
        if network.inputs is not None and network.inputs.numel() != self.inputs.numel():
            takes, gets = tuple(network.inputs), tuple(self.inputs)
            raise RecipeError(f"the {self.role} takes inputs of shape {takes}, this model's have shape {gets}")
        network.bind(self.inputs, self.outputs)

    def run(self, network: nn.Module, x: Tensor) -> Tensor:
        """`(*batch, *inputs)` -> `(*batch, num_outputs)`; the network itself sees one batch dimension."""
        batch = x.shape[: x.dim() - len(self.inputs)]
        out = network(x.reshape(-1, *self.inputs)).flatten(1)
        if out.shape[1] != self.outputs.numel():
            raise self.refusal(out.shape[1])
        return out.reshape(*batch, out.shape[1])

    def refusal(self, given: int) -> RecipeError:
        """The sentence about a wrong number of outputs."""
        return RecipeError(f"the {self.role} gives {given} outputs, {self.taker} needs {self.outputs.numel()}")


def image_like(event_shape: torch.Size, num_params: int) -> torch.Size:
    """The shape of a decoder's outputs: for images, as many channels of the image's size as the parameters fill.

    >>> image_like(torch.Size([1, 8, 8]), 128), image_like(torch.Size([3]), 6)
    (torch.Size([2, 8, 8]), torch.Size([6]))
    """
    grid = event_shape[1:]
    if len(event_shape) == 3 and num_params % grid.numel() == 0:
        return torch.Size([num_params // grid.numel(), *grid])
    return torch.Size([num_params])


def start_from_mean(decoder: nn.Module, rows: Tensor, meaning: Any) -> None:
    """Set a decoder's last biases so that its first outputs mean the average row; gaps do not count.

    `meaning` is the likelihood or loss that reads the outputs; modules from elsewhere are left as they are.
    """
    if not isinstance(decoder, Network):
        return
    mean = rows.nanmean(0)
    params = meaning.params_at(torch.where(mean.isnan(), mean.nanmean(), mean))
    if params is not None:
        decoder.set_output_bias(params)


@contextmanager
def at_rest(module: nn.Module) -> Iterator[None]:
    """No gradients, and every part in evaluation mode; afterwards each part is in the mode it was in."""
    modes = [(part, part.training) for part in module.modules()]
    with torch.no_grad():
        module.eval()
        try:
            yield
        finally:
            for part, training in modes:
                part.training = training
