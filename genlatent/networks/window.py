"""A window of Gaussian filters that a network moves over an image, to read from it and to write on it."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from genlatent.errors import RecipeError
from genlatent.networks.base import xavier


def filterbank(centre: Tensor, stride: Tensor, variance: Tensor, num_filters: int, length: int) -> Tensor:
    r"""Gaussian filters at equal distances along a line of pixels 1, ..., A, each summing to one.

    .. math:: F_{ia} \propto \exp\left(-\frac{(a - \mu_i)^2}{2 \sigma^2}\right), \qquad
              \mu_i = g + \left(i - \frac{N + 1}{2}\right) \delta

    Args:
        centre: g, shaped `(*batch)`.
        stride: :math:`\delta`, the distance between neighbours.
        variance: :math:`\sigma^2`.
        num_filters: N.
        length: A.

    Returns:
        The filters, `(*batch, num_filters, length)`.

    >>> filterbank(torch.tensor(2.0), torch.tensor(1.0), torch.tensor(1e-4), 3, 3)
    tensor([[1., 0., 0.],
            [0., 1., 0.],
            [0., 0., 1.]])
    """
    i = torch.arange(1, num_filters + 1, dtype=centre.dtype, device=centre.device)
    a = torch.arange(1, length + 1, dtype=centre.dtype, device=centre.device)
    means = centre[..., None] + (i - (num_filters + 1) / 2) * stride[..., None]
    logits = -(a - means[..., None]).square() / (2 * variance[..., None, None])
    return logits.softmax(-1)  # the sum stays 1 where a filter has left the image, and no division by 0 occurs


class Glimpse(NamedTuple):
    """Where a window stands: N filters along the height, N along the width, and how strongly it shows."""

    rows: Tensor  # (*batch, N, height)
    columns: Tensor  # (*batch, N, width)
    intensity: Tensor  # (*batch)

    def read(self, image: Tensor) -> Tensor:
        r"""The patch :math:`\gamma F_Y x F_X^\top`, `(*batch, channels, N, N)`, of an image x."""
        patch = self.rows.unsqueeze(-3) @ image @ self.columns.unsqueeze(-3).mT
        return self.intensity[..., None, None, None] * patch

    def write(self, patch: Tensor) -> Tensor:
        r"""The image :math:`\frac{1}{\gamma} F_Y^\top w F_X` of a patch w."""
        image = self.rows.unsqueeze(-3).mT @ patch @ self.columns.unsqueeze(-3)
        return image / self.intensity[..., None, None, None]


class Window(nn.Module):
    r"""Aims a grid of N x N Gaussian filters at an image of height B and width A.

    Five numbers :math:`(\tilde g_X, \tilde g_Y, \log \sigma^2, \log \tilde \delta, \log \gamma) = W h + b` give

    .. math:: g_X = \tfrac{A + 1}{2} (\tilde g_X + 1), \quad g_Y = \tfrac{B + 1}{2} (\tilde g_Y + 1), \quad
              \delta = \tfrac{\max(A, B) - 1}{N - 1} \tilde \delta

    References:
        DRAW: a recurrent neural network for image generation (Gregor et al., 2015)

    Args:
        num_filters: N, at least 2.
        grid: height and width of the image.
        inputs: number of values in h.

    >>> glimpse = Window(3, (8, 6), inputs=10)(torch.zeros(2, 10))
    >>> glimpse.rows.shape, glimpse.columns.shape
    (torch.Size([2, 3, 8]), torch.Size([2, 3, 6]))
    """

    def __init__(self, num_filters: int, grid: Sequence[int], inputs: int):
        super().__init__()
        if num_filters < 2:
            raise ValueError(f"a window needs at least 2 filters along each side, got {num_filters}")
        if len(grid) != 2:
            raise RecipeError(f"a window looks at images of a height and a width, not at shape {tuple(grid)}")
        self.num_filters, self.grid, self.inputs = num_filters, tuple(grid), inputs
        self.aim = nn.Linear(inputs, 5)
        xavier(self.aim)

    def forward(self, h: Tensor) -> Glimpse:
        """`(*batch, inputs)` -> where to look."""
        x, y, log_variance, log_stride, log_intensity = self.aim(h).unbind(-1)
        height, width = self.grid
        stride = (max(height, width) - 1) / (self.num_filters - 1) * log_stride.exp()
        variance = log_variance.exp()
        rows = filterbank((height + 1) / 2 * (y + 1), stride, variance, self.num_filters, height)
        columns = filterbank((width + 1) / 2 * (x + 1), stride, variance, self.num_filters, width)
        return Glimpse(rows, columns, log_intensity.exp())
