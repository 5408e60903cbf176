"""Densities that are known whole, a little broader than the data: where annealing of a neural energy begins."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from pyro.distributions import MultivariateNormal, Normal
from torch import Tensor

BROADER = 0.25  # standard deviation of the noise that is taken to be in the data, in units of their overall spread
SHRUNK = 2.0  # rows for each dimension that the covariance of independent values counts for

Flat = Float[Tensor, "*run dimensions"]


class NormalBase:
    r"""A normal law with the data's mean, and their covariance shrunk and broadened,

    .. math:: \Sigma = (1 - a) C + a \, \mathrm{diag}(C) + (s / 4)^2 I, \qquad a = \frac{2 d}{2 d + n}

    for n rows of d values with the overall spread s. With :math:`\Sigma = L L^\top` chains move
    :math:`z = L^{-1} (x - m)`.
    """

    def __init__(self, rows: Float[Tensor, "row dimensions"], spread: Float[Tensor, ""]):
        n, d = rows.shape
        centred = rows - rows.mean(0)
        covariance = centred.mT @ centred / n
        share = SHRUNK * d / (SHRUNK * d + n)
        noise = (BROADER * spread).square() * torch.eye(d, dtype=rows.dtype, device=rows.device)
        broad = (1 - share) * covariance + share * covariance.diagonal().diag() + noise
        self.mean, self.root = rows.mean(0), torch.linalg.cholesky(broad)
        self._law = MultivariateNormal(self.mean, scale_tril=self.root)

    def draw(self, shape: Sequence[int], generator: torch.Generator | None = None) -> Flat:
        """So many draws."""
        like = self.mean
        noise = torch.randn(*shape, len(like), generator=generator, dtype=like.dtype, device=like.device)
        return like + self.push(noise)

    def log_prob(self, x: Flat) -> Float[Tensor, "*run"]:
        """Log-density."""
        return self._law.log_prob(x)

    def slope(self, x: Flat) -> Flat:
        """Of the log-density, as z feels it."""
        return -self.code(x)

    def push(self, z: Flat) -> Flat:
        """L z, of x less its mean."""
        return z @ self.root.mT

    def pull(self, slope: Flat) -> Flat:
        r""":math:`L^\top g`, what z feels of a slope of x."""
        return slope @ self.root

    def code(self, x: Flat) -> Flat:
        """The z of x."""
        return torch.linalg.solve_triangular(self.root, (x - self.mean).unsqueeze(-1), upper=False).squeeze(-1)


class BoxBase:
    r"""Independent values in the box from 0 to 1,

    .. math:: q(x) = \prod_i \frac{\mathcal{N}(x_i; m_i, s_i^2)}{\Phi((1 - m_i) / s_i) - \Phi(- m_i / s_i)}

    with means of the data and variances broadened as in :class:`NormalBase`. Chains move :math:`z = S^{-1} (x - m)`.
    """

    def __init__(self, rows: Float[Tensor, "row dimensions"], spread: Float[Tensor, ""]):
        self.mean = rows.mean(0)
        self.scale = (rows.var(0, unbiased=False) + (BROADER * spread).square()).sqrt()
        self._law: Any = Normal(self.mean, self.scale)
        self._ends = self._law.cdf(torch.zeros_like(self.mean)), self._law.cdf(torch.ones_like(self.mean))

    def draw(self, shape: Sequence[int], generator: torch.Generator | None = None) -> Flat:
        """So many draws."""
        low, high = self._ends
        like = self.mean
        uniform = torch.rand(*shape, len(like), generator=generator, dtype=torch.float64, device=like.device)
        place = low + (high - low) * uniform
        return self._law.icdf(place).to(like).clamp(0, 1)

    def log_prob(self, x: Flat) -> Float[Tensor, "*run"]:
        """Log-density in the box."""
        low, high = self._ends
        return (self._law.log_prob(x) - (high - low).log()).sum(-1)

    def slope(self, x: Flat) -> Flat:
        """Of the log-density, as z feels it."""
        return -self.code(x)

    def push(self, z: Flat) -> Flat:
        """S z, of x less its mean, each value by itself."""
        return self.scale * z

    def pull(self, slope: Flat) -> Flat:
        """S g, what z feels of a slope of x."""
        return self.scale * slope

    def code(self, x: Flat) -> Flat:
        """The z of x."""
        return (x - self.mean) / self.scale


BASES = {"real": NormalBase, "unit": BoxBase}
