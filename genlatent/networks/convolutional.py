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


def laid_out(layer: nn.Conv2d | nn.ConvTranspose2d) -> nn.Module:
    """A layer that starts with Xavier's weights and computes with channels last, which on CPUs is faster."""
    return xavier(layer).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  # missing in its stub


class _Convolutional(Network):
    def __init__(
        self,
        channels: Sequence[int] = (32, 64),
        hidden: int = 128,
        kernel: int = 3,
        activation: str = "relu",
    ):
        super().__init__()
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, so that it has a centre, got {kernel}")
        if not channels or any(channel < 1 for channel in channels) or hidden < 1:
            raise ValueError(f"channels and hidden must be at least 1, got {tuple(channels)} and {hidden}")
        self.channels, self.hidden, self.kernel, self.activation = tuple(channels), hidden, kernel, activation
        find(activation)

    def grids(self, image: torch.Size) -> list[tuple[int, int]]:
        """Height and width before each layer, from the image down to the smallest grid."""
        if len(image) != 3:
            raise RecipeError(
                f"{type(self).__name__} takes images of shape (channels, height, width), not {tuple(image)}"
            )
        steps = len(self.channels)
        return list(zip(halvings(image[1], steps), halvings(image[2], steps)))


class ConvEncoder(_Convolutional):
    """Convolutions that each halve height and width, rounded up, then two fully connected layers.

    Args:
        channels: channels after each convolution.
        hidden: units of the fully connected layer.
        kernel: height and width of the convolutions, odd.
        activation: by name, after every layer but the last.
        inputs: shape of one image; the model sets it.
        outputs: number of outputs; the model sets it.
        pool: whether the largest of 2x2 cells is taken after the activation; otherwise the convolutions have stride 2.

    >>> ConvEncoder(inputs=(1, 28, 28), outputs=40)(torch.zeros(5, 1, 28, 28)).shape
    torch.Size([5, 40])
    """

    def __init__(
        self,
        channels: Sequence[int] = (32, 64),
        hidden: int = 128,
        kernel: int = 3,
        activation: str = "relu",
        inputs: Sizes | None = None,
        outputs: Sizes | None = None,
        pool: bool = False,
    ):
        super().__init__(channels, hidden, kernel, activation)
        self.pool = pool
        self.start(inputs, outputs)

    def make(self, inputs: torch.Size, outputs: torch.Size) -> None:
        """Convolutions, then fully connected layers."""
        height, width = self.grids(inputs)[-1]
        layers: list[nn.Module] = []
        for a, b in pairwise((inputs[0], *self.channels)):
            layers += self._halving(a, b)
        dense = xavier(nn.Linear(self.channels[-1] * height * width, self.hidden))
        last = xavier(nn.Linear(self.hidden, outputs.numel()))
        self.layers = nn.Sequential(*layers, nn.Flatten(), dense, find(self.activation), last)

    def _halving(self, a: int, b: int) -> list[nn.Module]:
        stride = 1 if self.pool else 2
        layers = [laid_out(nn.Conv2d(a, b, self.kernel, stride, self.kernel // 2)), find(self.activation)]
        return [*layers, nn.MaxPool2d(2, ceil_mode=True)] if self.pool else layers

    def output_layer(self) -> nn.Module:
        """The last fully connected layer."""
        return self.layers[-1]

    def forward(self, x: Tensor) -> Tensor:
        """`(*batch, channels, height, width)` -> `(*batch, *outputs)`."""
        inputs, outputs = self.bound()
        return self.layers(x.reshape(-1, *inputs)).reshape(*x.shape[:-3], *outputs)


class ConvDecoder(_Convolutional):
    """Two fully connected layers, then the encoder's way back: layers that each double height and width.

    Args:
        channels: channels of each grid, from the largest to the smallest, as in :class:`ConvEncoder`.
        hidden: units of the fully connected layer.
        kernel: height and width of the convolutions, odd.
        activation: by name, after every layer but the last.
        inputs: shape of one code; the model sets it.
        outputs: `(channels, height, width)` of the outputs; the model sets it.
        upsample: whether each cell is first repeated over 2x2 cells and a convolution follows, which leaves no
            chequered traces; otherwise the convolutions are transposed, of stride 2.

    References:
        Deconvolution and checkerboard artifacts (Odena, Dumoulin and Olah, 2016)

    >>> ConvDecoder(inputs=20, outputs=(1, 9, 7))(torch.zeros(5, 20)).shape
    torch.Size([5, 1, 9, 7])
    """

    def __init__(
        self,
        channels: Sequence[int] = (32, 64),
        hidden: int = 128,
        kernel: int = 3,
        activation: str = "relu",
        inputs: Sizes | None = None,
        outputs: Sizes | None = None,
        upsample: bool = False,
    ):
        super().__init__(channels, hidden, kernel, activation)
        self.upsample = upsample
        self.start(inputs, outputs)

    def make(self, inputs: torch.Size, outputs: torch.Size) -> None:
        """Fully connected layers, then doublings that meet the encoder's grids."""
        grids = self.grids(outputs)
        start = (self.channels[-1], *grids[-1])
        layers: list[nn.Module] = [xavier(nn.Linear(inputs.numel(), self.hidden)), find(self.activation)]
        layers += [xavier(nn.Linear(self.hidden, torch.Size(start).numel())), find(self.activation)]
        layers += [nn.Unflatten(1, start)]
        channels = (outputs[0], *self.channels)
        for level in reversed(range(len(self.channels))):
            layers += [*self._doubling(channels[level + 1], channels[level], grids[level]), find(self.activation)]
        self.layers = nn.Sequential(*layers[:-1])

    def _doubling(self, a: int, b: int, grid: tuple[int, int]) -> list[nn.Module]:
        around = self.kernel // 2
        if self.upsample:
            return [nn.Upsample(size=grid, mode="nearest"), laid_out(nn.Conv2d(a, b, self.kernel, padding=around))]
        extra = ((grid[0] + 1) % 2, (grid[1] + 1) % 2)  # even lengths take one row more
        return [laid_out(nn.ConvTranspose2d(a, b, self.kernel, stride=2, padding=around, output_padding=extra))]

    def output_layer(self) -> nn.Module:
        """The last convolution."""
        return self.layers[-1]

    def forward(self, z: Tensor) -> Tensor:
        """`(*batch, *inputs)` -> `(*batch, channels, height, width)`."""
        inputs, outputs = self.bound()
        batch = z.shape[: z.dim() - len(inputs)]
        return self.layers(z.reshape(-1, inputs.numel())).reshape(*batch, *outputs)
