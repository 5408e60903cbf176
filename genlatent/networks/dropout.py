"""Hidden units that are left out at random while a network learns."""

import torch
from torch import Tensor, nn


class Dropout(nn.Dropout):
    r"""Each value is 0 with probability p, and :math:`h / (1 - p)` otherwise; outside training h is left as it is.

    The draws are plain uniform numbers, so that a traced step draws the same as an eager one.

    References:
        Dropout: a simple way to prevent neural networks from overfitting (Srivastava et al., 2014)

    >>> layer = Dropout(0.5)
    >>> bool(layer(torch.ones(100)).unique().tolist() == [0.0, 2.0]), layer.eval()(torch.ones(2))
    (True, tensor([1., 1.]))
    """

    def __init__(self, p: float = 0.5):
        if not 0 <= p < 1:
            raise ValueError(f"dropout is a share of the units, from 0 to below 1, got {p}")
        super().__init__(p)

    def forward(self, input: Tensor) -> Tensor:
        """`(*batch, units)` -> the same shape."""
        if not self.training or self.p == 0:
            return input
        kept = torch.rand(input.shape, dtype=input.dtype, device=input.device) >= self.p
        return torch.where(kept, input / (1 - self.p), 0.0)
