"""Why draws are reparameterised: the noise of two gradient estimators of one expectation."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float64
from torch import Tensor

Function = Callable[[Tensor], Tensor]


class GradientNoise(NamedTuple):
    """Mean and variance of one draw's gradient, for each dimension of z, by estimator."""

    pathwise_mean: Tensor
    score_mean: Tensor
    pathwise_variance: Tensor
    score_variance: Tensor


def gradient_noise(
    function: Function,
    mean: Tensor,
    scale: float = 1.0,
    *,
    num_draws: int = 10_000,
    generator: torch.Generator | None = None,
) -> GradientNoise:
    r"""Two unbiased estimates of :math:`\nabla_\mu \mathbb{E}_{\mathcal{N}(z; \mu, \sigma^2 I)}[f(z)]` from one draw.

    .. math:: \nabla_z f(\mu + \sigma \epsilon) \quad\text{(pathwise)}, \qquad
        f(z) \, \frac{z - \mu}{\sigma^2} \quad\text{(score function)}

    For :math:`f(z) = \|z\|^2 / 2` in D dimensions the first has variance :math:`\sigma^2`, whatever D is; that of the
    second grows with its square.

    References:
        Monte Carlo gradient estimation in machine learning (Mohamed et al., 2020)

    Args:
        function: f, from `(draw, latent)` to `(draw,)`.
        mean: where the gradient is taken.

    >>> found = gradient_noise(lambda z: z.sum(-1), torch.zeros(2), num_draws=50)
    >>> found.pathwise_variance.tolist()
    [0.0, 0.0]
    """
    noise = torch.randn(num_draws, len(mean), generator=generator, device=mean.device).double()
    z = (mean.double() + scale * noise).requires_grad_()
    values = function(z)
    (pathwise,) = torch.autograd.grad(values.sum(), z)
    score = values.detach().unsqueeze(-1) * noise / scale
    return GradientNoise(pathwise.mean(0), score.mean(0), pathwise.var(0), score.var(0))


def noise_by_dimension(
    dimensions: list[int], *, num_draws: int = 10_000, generator: torch.Generator | None = None
) -> Float64[Tensor, "sizes 2"]:
    r"""Variance of both estimators for :math:`f(z) = \|z\|^2 / 2` at :math:`\mu = 1`, pathwise first."""
    rows = []
    for size in dimensions:
        found = gradient_noise(_half_square, torch.ones(size), num_draws=num_draws, generator=generator)
        rows.append(torch.stack([found.pathwise_variance.mean(), found.score_variance.mean()]))
    return torch.stack(rows)


def _half_square(z: Tensor) -> Tensor:
    return z.square().sum(-1) / 2
