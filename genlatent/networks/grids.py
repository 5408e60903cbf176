"""Convolutional networks between an image and a smaller grid of vectors, without fully connected layers."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from genlatent.errors import RecipeError
from genlatent.networks.activations import activation as find
from genlatent.networks.base import Network, Sizes, xavier
from genlatent.networks.convolutional import halvings


class _Grid(Network):
    layers: nn.Sequential

    def __init__(
        self,
        channels: Sequence[int] = (32,),
        kernel: int = 3,
        activation: str = "relu",
        inputs: Sizes | None = None,
        outputs: Sizes | None = None,
    ):
        super().__init__()
        if kernel < 1 or kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, so that it has a centre, got {kernel}")
        if not channels or min(channels) < 1:
            raise ValueError(f"channels must be at least 1, got {tuple(channels)}")
        self.channels, self.kernel, self.activation = tuple(channels), kernel, activation
        find(activation)
        self.start(inputs, outputs)

    def grids(self, image: torch.Size, code: torch.Size) -> list[tuple[int, int]]:
        """Height and width before each halving, from the image down to the grid of codes."""
        steps = len(self.channels)
        if len(image) == len(code) == 3:
            found = list(zip(halvings(image[1], steps), halvings(image[2], steps)))
            if found[-1] == tuple(code[1:]):
                return found
            fits = f"{steps} halvings make a grid of {found[-1]}, not {tuple(code[1:])}"
        else:
            fits = f"it joins images to grids of vectors, not {tuple(image)} to {tuple(code)}"
        raise RecipeError(f"{type(self).__name__}: {fits}")

    def same(self, a: int, b: int) -> nn.Module:
        """A convolution that keeps the grid."""
        return xavier(nn.Conv2d(a, b, self.kernel, padding=self.kernel // 2))

    def output_layer(self) -> nn.Module:
        """The last convolution."""
        return self.layers[-1]

    def forward(self, x: Tensor) -> Tensor:
        """`(*batch, *inputs)` -> `(*batch, *outputs)`."""
        inputs, outputs = self.bound()
        return self.layers(x.reshape(-1, *inputs)).reshape(*x.shape[:-3], *outputs)


class GridEncoder(_Grid):
    """Convolutions of stride 2, each halving height and width, then two that keep the grid.

    Args:
        channels: channels after each halving.
        kernel: height and width of the convolutions, odd.
        activation: by name, after every layer but the last.
        inputs: shape of one image; the model sets it.
        outputs: `(values, height, width)` of the grid; the model sets it.

    >>> GridEncoder((32, 64), inputs=(1, 28, 28), outputs=(16, 7, 7))(torch.zeros(5, 1, 28, 28)).shape
    torch.Size([5, 16, 7, 7])
    """

    def make(self, inputs: torch.Size, outputs: torch.Size) -> None:
        """Halvings, then the grid's values."""
        self.grids(inputs, outputs)
        layers: list[nn.Module] = []
        for a, b in pairwise((inputs[0], *self.channels)):
            layers += [xavier(nn.Conv2d(a, b, self.kernel, stride=2, padding=self.kernel // 2)), find(self.activation)]
        layers += [self.same(self.channels[-1], self.channels[-1]), find(self.activation)]
        self.layers = nn.Sequential(*layers, xavier(nn.Conv2d(self.channels[-1], outputs[0], 1)))


class GridDecoder(_Grid):
    """A convolution that keeps the grid, then transposed ones of stride 2, the encoder's way back.

    Args:
        channels: channels of each grid, from the largest to the smallest, as in :class:`GridEncoder`.
        kernel: height and width of the convolutions, odd.
        activation: by name, after every layer but the last.
        inputs: `(values, height, width)` of the grid; the model sets it.
        outputs: shape of the image; the model sets it.

    >>> GridDecoder((32, 64), inputs=(16, 7, 7), outputs=(1, 28, 28))(torch.zeros(5, 16, 7, 7)).shape
    torch.Size([5, 1, 28, 28])
    """

    def make(self, inputs: torch.Size, outputs: torch.Size) -> None:
        """The grid's values, then doublings that meet the encoder's grids, then the image's channels."""
        grids = self.grids(outputs, inputs)
        layers: list[nn.Module] = [self.same(inputs[0], self.channels[-1]), find(self.activation)]
        for level in reversed(range(len(self.channels))):
            into = self.channels[max(level - 1, 0)]
            layers += [self._doubling(self.channels[level], into, grids[level]), find(self.activation)]
        self.layers = nn.Sequential(*layers, self.same(self.channels[0], outputs[0]))

    def _doubling(self, a: int, b: int, grid: tuple[int, int]) -> nn.Module:
        extra = ((grid[0] + 1) % 2, (grid[1] + 1) % 2)  # even lengths take one row more
        return xavier(nn.ConvTranspose2d(a, b, self.kernel, stride=2, padding=self.kernel // 2, output_padding=extra))
