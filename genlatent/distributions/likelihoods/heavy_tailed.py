"""Real values that now and then lie far out."""

import math
from collections.abc import Sequence

import pyro.distributions as dist
import torch
from torch import Tensor, nn

from genlatent.distributions.distribution import Distribution
from genlatent.distributions.likelihoods.location_scale import LocationScale

LEAST_DF = 1.0  # above which a Student-t has a mean


class Laplace(LocationScale):
    r"""Independent values whose absolute errors count, :math:`p(x_i) = e^{-|x_i - \mu_i| / s_i} / 2 s_i`.

    Args:
        scale: a positive number, `"learned"` or `"per-output"`, as for :class:`Gaussian`.
        floor: the smallest scale of `"per-output"`.

    >>> Laplace(event_shape=[2])(torch.zeros(2)).log_prob(torch.zeros(2)).exp()
    tensor(0.2500)
    """

    def cells(self, loc: Tensor, scale: Tensor | float) -> Distribution:
        """Laplace."""
        return dist.Laplace(loc, scale)


class StudentT(LocationScale):
    r"""Independent values with power-law tails.

    .. math:: p(x_i) \propto \bigl(1 + (x_i - \mu_i)^2 / \nu s_i^2\bigr)^{-(\nu + 1) / 2} / s_i

    Args:
        df: degrees of freedom :math:`\nu` above 1, or `"learned"`: one parameter, starting at 5.
        scale: a positive number, `"learned"` or `"per-output"`, as for :class:`Gaussian`.
        floor: the smallest scale of `"per-output"`.

    >>> StudentT(event_shape=[2])(torch.zeros(7, 2)).batch_shape
    torch.Size([7])
    """

    def __init__(
        self,
        df: float | str = 5.0,
        scale: float | str = 1.0,
        floor: float = 1e-3,
        event_shape: Sequence[int] | None = None,
    ):
        if df != "learned" and not (isinstance(df, (int, float)) and df > LEAST_DF):
            raise ValueError(f'df must be a number above 1, so that there is a mean, or "learned", got {df!r}')
        super().__init__(scale, floor, event_shape)
        self.df = df
        if df == "learned":
            self.log_df = nn.Parameter(torch.tensor(math.log(4.0)))

    def cells(self, loc: Tensor, scale: Tensor | float) -> Distribution:
        """Student-t."""
        df = LEAST_DF + self.log_df.exp() if self.df == "learned" else torch.as_tensor(self.df).to(loc)
        return dist.StudentT(df, loc, scale)
