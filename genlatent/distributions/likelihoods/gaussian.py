"""Normal values."""

from collections.abc import Sequence

import pyro.distributions as dist
import torch
from torch import Tensor

from genlatent.distributions.distribution import Distribution
from genlatent.distributions.likelihoods.location_scale import LocationScale
from genlatent.distributions.likelihoods.optimal import OptimalNormal, mean_square

RATE = 0.05  # how far the kept variance moves towards that of one batch


class Gaussian(LocationScale):
    r"""Independent normal values around the decoder's outputs.

    .. math:: p(x \mid \mu, s) = \prod_i \mathcal{N}(x_i; \mu_i, s_i^2)

    Args:
        scale: the standard deviation: a number that stays fixed; `"learned"`, one parameter for all cells;
            `"optimal"`, while training the best one for each batch, :math:`s^2 = \overline{(x - \mu)^2}`, and its
            running average afterwards; or `"per-output"`, a second half of the decoder's outputs, one for each cell.
        floor: the smallest scale of `"per-output"` and `"optimal"`, without which constant cells have unbounded
            density.

    References:
        Simple and effective VAE training with calibrated decoders (Rybkin, Daniilidis and Levine, 2021), for
        `"optimal"`

    >>> Gaussian().num_params(torch.Size([3])), Gaussian("per-output").num_params(torch.Size([3]))
    (3, 6)
    """

    scales = ("learned", "optimal", "per-output")
    variance: Tensor

    def __init__(self, scale: float | str = 1.0, floor: float = 1e-3, event_shape: Sequence[int] | None = None):
        super().__init__(scale, floor, event_shape)
        if scale == "optimal":
            self.register_buffer("variance", torch.ones(()))

    def cells(self, loc: Tensor, scale: Tensor | float) -> Distribution:
        """Normal."""
        return dist.Normal(loc, scale)

    def forward(self, params: Tensor) -> Distribution:
        """`params` are means, followed by raw scales where each cell has its own."""
        if self.scale != "optimal":
            return super().forward(params)
        loc, _ = self.loc_and_scale(params)
        learn = self._learn if self.training else None
        return OptimalNormal(loc, self.variance, len(self.event_shape), self.floor**2, learn)

    def optimal_scale(self, params: Tensor, x: Tensor, observed: Tensor | None = None) -> Tensor:
        r"""The one scale under which rows x are most probable: :math:`s^2 = \overline{(x - \mu)^2}`.

        >>> Gaussian(event_shape=[2]).optimal_scale(torch.zeros(1, 2), torch.tensor([[3.0, 4.0]])) ** 2
        tensor(12.5000)
        """
        loc, _ = self.loc_and_scale(params)
        return mean_square(x - loc, observed).clamp(min=self.floor**2).sqrt()

    def loc_and_scale(self, params: Tensor) -> tuple[Tensor, Tensor | float]:
        """Mean and scale of each cell; `"optimal"` has the running average."""
        if self.scale == "optimal":
            return params.unflatten(-1, self.event_shape), self.variance.clamp(min=self.floor**2).sqrt()
        return super().loc_and_scale(params)

    def _learn(self, variance: Tensor) -> None:
        with torch.no_grad():
            self.variance.lerp_(variance.to(self.variance.dtype), RATE)
