"""Pixels of a limited number of levels."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import softplus

from genlatent.distributions.base import Likelihood
from genlatent.distributions.distribution import Distribution
from genlatent.distributions.likelihoods.bernoulli import CLOSEST
from genlatent.distributions.likelihoods.bisection import bisect
from genlatent.distributions.likelihoods.logistic_mixture import LogisticMixture, expected, tied

NARROWEST = -7.0  # log scale, where levels lie between -1 and 1
START = -2.0  # log scale that a decoder starts from


class DiscretisedLogistics(Likelihood):
    r"""Pixels whose values are levels, each a mixture of logistic distributions cut into one piece for each level.

    .. math:: p(y) = \sum_k \pi_k \prod_c \Bigl[\sigma\bigl((y_c + h - m_{kc}) / s_{kc}\bigr)
              - \sigma\bigl((y_c - h - m_{kc}) / s_{kc}\bigr)\Bigr], \quad
              m_{kc} = \mu_{kc} + \sum_{d < c} a_{kcd} \, y_d

    for :math:`y = 2x - 1` and :math:`h = 1 / (L - 1)`; the first and the last piece reach to infinity. These are
    probabilities of levels, to be compared with other densities of the same levels only.

    Events of three dimensions are images `(channels, height, width)` whose channels are tied within each pixel; in
    any other event every value stands alone. A pixel counts as missing where any of its channels is.

    Args:
        levels: number L of levels: x is one of 0, 1 / (L - 1), ..., 1; images of bytes have 256.
        components: logistics in each mixture.

    References:
        PixelCNN++: improving the PixelCNN with discretized logistic mixture likelihood (Salimans et al., 2017)

    >>> grey, colour = torch.Size([1, 4, 4]), torch.Size([3, 4, 4])
    >>> DiscretisedLogistics().num_params(grey) / 16, DiscretisedLogistics().num_params(colour) / 16
    (15.0, 50.0)
    """

    def __init__(self, levels: int = 256, components: int = 5, event_shape: Sequence[int] | None = None):
        if levels < 2 or components < 1:
            raise ValueError(f"levels must be at least 2 and components at least 1, got {levels} and {components}")
        super().__init__(event_shape)
        self.levels, self.components = levels, components

    @property
    def support(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That many levels between 0 and 1."""
        return f"levels:{self.levels}"

    def num_params(self, event_shape: torch.Size) -> int:
        """For each pixel and component a weight, a location and scale of each channel, and what ties channels."""
        channels, grid = _grid(event_shape)
        return self.components * (1 + 2 * channels + tied(channels)) * grid.numel()

    def forward(self, params: Tensor) -> Distribution:
        """`params` are maps over the pixels: logits, then locations, log scales and ties of each component."""
        channels, grid = _grid(self.event_shape)
        maps = params.unflatten(-1, (-1, self.components, *grid)).movedim(-1 - len(grid), -1)
        logits, loc, log_scale, ties = maps.split([1, channels, channels, tied(channels)], -2 - len(grid))
        logits = logits.squeeze(-2 - len(grid))
        return LogisticMixture(logits, loc, _bounded(log_scale), ties.tanh(), self.levels, self.event_shape)

    def params_at(self, mean: Tensor) -> Tensor:
        """All components around the mean, untied."""
        channels, grid = _grid(self.event_shape)
        wanted = 2 * mean.flatten().double().clamp(CLOSEST, 1 - CLOSEST) - 1
        scale = _bounded(torch.full_like(wanted, START)).exp()
        loc = bisect(lambda loc: expected(loc, scale, self.levels), wanted, -3.0, 3.0).to(mean.dtype)
        loc = loc.reshape(channels, 1, *grid).expand(channels, self.components, *grid)
        rows = [torch.zeros_like(loc[:1]), loc, torch.full_like(loc, START)]
        rows += [torch.zeros_like(loc[:1]).expand(tied(channels), *loc.shape[1:])]
        return torch.cat(rows).flatten()


def _grid(event_shape: torch.Size) -> tuple[int, torch.Size]:
    """Channels of one pixel, and the shape of the pixels."""
    return (event_shape[0], event_shape[1:]) if len(event_shape) == 3 else (1, event_shape)


def _bounded(log_scale: Tensor) -> Tensor:
    return NARROWEST + softplus(log_scale - NARROWEST)
