"""Real values around the decoder's outputs: one location for each cell, and a scale that may be fixed or learned."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from genlatent.distributions.base import Likelihood
from genlatent.distributions.distribution import Distribution


class LocationScale(Likelihood):
    """Independent values of one shape, moved to :math:`\\mu_i` and stretched by :math:`s_i`.

    Args:
        scale: a number that stays fixed; `"learned"`, one parameter for all cells; or `"per-output"`, a second half
            of the decoder's outputs, one for each cell.
        floor: the smallest scale of `"per-output"`, without which constant cells have unbounded density.
    """

    support = "real"
    scales = ("learned", "per-output")

    def __init__(self, scale: float | str = 1.0, floor: float = 1e-3, event_shape: Sequence[int] | None = None):
        if scale not in self.scales and not (isinstance(scale, (int, float)) and scale > 0):
            words = '", "'.join(self.scales[:-1])
            raise ValueError(f'scale must be a positive number, "{words}" or "{self.scales[-1]}", got {scale!r}')
        super().__init__(event_shape)
        self.scale, self.floor = scale, floor
        if scale == "learned":
            self.log_scale = nn.Parameter(torch.zeros(()))

    def cells(self, loc: Tensor, scale: Tensor | float) -> Distribution:
        """The distribution of each cell."""
        raise NotImplementedError

    def num_params(self, event_shape: torch.Size) -> int:
        """One output for each cell, two where each has its own scale."""
        return event_shape.numel() * (2 if self.scale == "per-output" else 1)

    def forward(self, params: Tensor) -> Distribution:
        """`params` are locations, followed by raw scales where each cell has its own."""
        return self.cells(*self.loc_and_scale(params)).to_event(len(self.event_shape))

    def loc_and_scale(self, params: Tensor) -> tuple[Tensor, Tensor | float]:
        r"""Location and scale of each cell, :math:`s = \mathrm{softplus}(r + \log(e - 1))`, which is 1 at 0."""
        if self.scale == "per-output":
            loc, raw = self.blocks(params, 2)
            return loc, softplus(raw + math.log(math.e - 1)) + self.floor
        loc = params.unflatten(-1, self.event_shape)
        return loc, self.log_scale.exp() if self.scale == "learned" else float(self.scale)

    def params_at(self, mean: Tensor) -> Tensor:
        """The mean itself, and a scale of 1."""
        loc = mean.flatten()
        return torch.cat([loc, torch.zeros_like(loc)]) if self.scale == "per-output" else loc
