"""Convolutional encoders and decoders for images of any height and width."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from genlatent.errors import RecipeError
from genlatent.networks.activations import activation as find
from genlatent.networks.base import Network, Sizes, xavier


def halvings(length: int, times: int) -> list[int]:
    """A length, halved and rounded up again and again.

    >>> halvings(28, 2)
    [28, 14, 7]
    """
    lengths = [length]
    for _ in range(times):
        lengths.append((lengths[-1] + 1) // 2)
    return lengths


class _Convolutional(Network):
    def __init__(
        self,
        channels: Sequence[int] = (32, 64),
        hidden: int = 128,
        kernel: int = 3,
        activation: str = "relu",
        inputs: Sizes | None = None,
        outputs: Sizes | None = None,
    ):
        super().__init__()
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, so that it has a centre, got {kernel}")
        if not channels or any(channel < 1 for channel in channels) or hidden < 1:
            raise ValueError(f"channels and hidden must be at least 1, got {tuple(channels)} and {hidden}")
        self.channels, self.hidden, self.kernel, self.activation = tuple(channels), hidden, kernel, activation
        find(activation)
        self.start(inputs, outputs)

    def grids(self, image: torch.Size) -> list[tuple[int, int]]:
        """Height and width before each layer, from the image down to the smallest grid."""
        if len(image) != 3:
            raise RecipeError(
                f"{type(self).__name__} takes images of shape (channels, height, width), not {tuple(image)}"
            )
        steps = len(self.channels)
        return list(zip(halvings(image[1], steps), halvings(image[2], steps)))


class ConvEncoder(_Convolutional):
    """Convolutions of stride 2, each halving height and width, then two fully connected layers.

    Args:
        channels: channels after each convolution.
        hidden: units of the fully connected layer.
        kernel: height and width of the convolutions, odd.
        activation: by name, after every layer but the last.
        inputs: shape of one image; the model sets it.
        outputs: number of outputs; the model sets it.

    >>> ConvEncoder(inputs=(1, 28, 28), outputs=40)(torch.zeros(5, 1, 28, 28)).shape
    torch.Size([5, 40])
    """

    def make(self, inputs: torch.Size, outputs: torch.Size) -> None:
        """Convolutions, then fully connected layers."""
        height, width = self.grids(inputs)[-1]
        layers: list[nn.Module] = []
        for a, b in pairwise((inputs[0], *self.channels)):
            layers += [xavier(nn.Conv2d(a, b, self.kernel, stride=2, padding=self.kernel // 2)), find(self.activation)]
        dense = xavier(nn.Linear(self.channels[-1] * height * width, self.hidden))
        last = xavier(nn.Linear(self.hidden, outputs.numel()))
        self.layers = nn.Sequential(*layers, nn.Flatten(), dense, find(self.activation), last)

    def output_layer(self) -> nn.Module:
        """The last fully connected layer."""
        return self.layers[-1]

    def forward(self, x: Tensor) -> Tensor:
        """`(*batch, channels, height, width)` -> `(*batch, *outputs)`."""
        inputs, outputs = self.bound()
        return self.layers(x.reshape(-1, *inputs)).reshape(*x.shape[:-3], *outputs)


class ConvDecoder(_Convolutional):
    """Two fully connected layers, then transposed convolutions of stride 2, the encoder's way back.

    Args:
        channels: channels of each grid, from the largest to the smallest, as in :class:`ConvEncoder`.
        hidden: units of the fully connected layer.
        kernel: height and width of the convolutions, odd.
        activation: by name, after every layer but the last.
        inputs: shape of one code; the model sets it.
        outputs: `(channels, height, width)` of the outputs; the model sets it.

    >>> ConvDecoder(inputs=20, outputs=(1, 9, 7))(torch.zeros(5, 20)).shape
    torch.Size([5, 1, 9, 7])
    """

    def make(self, inputs: torch.Size, outputs: torch.Size) -> None:
        """Fully connected layers, then transposed convolutions that meet the encoder's grids."""
        grids = self.grids(outputs)
        start = (self.channels[-1], *grids[-1])
        layers: list[nn.Module] = [xavier(nn.Linear(inputs.numel(), self.hidden)), find(self.activation)]
        layers += [xavier(nn.Linear(self.hidden, torch.Size(start).numel())), find(self.activation)]
        layers += [nn.Unflatten(1, start)]
        channels = (outputs[0], *self.channels)
        for level in reversed(range(len(self.channels))):
            layers += [
                xavier(self._doubling(channels[level + 1], channels[level], grids[level])),
                find(self.activation),
            ]
        self.layers = nn.Sequential(*layers[:-1])

    def _doubling(self, a: int, b: int, grid: tuple[int, int]) -> nn.Module:
        extra = ((grid[0] + 1) % 2, (grid[1] + 1) % 2)  # even lengths take one row more
        return nn.ConvTranspose2d(a, b, self.kernel, stride=2, padding=self.kernel // 2, output_padding=extra)

    def output_layer(self) -> nn.Module:
        """The last transposed convolution."""
        return self.layers[-1]

    def forward(self, z: Tensor) -> Tensor:
        """`(*batch, *inputs)` -> `(*batch, channels, height, width)`."""
        inputs, outputs = self.bound()
        batch = z.shape[: z.dim() - len(inputs)]
        return self.layers(z.reshape(-1, inputs.numel())).reshape(*batch, *outputs)
