"""What it costs that one encoder serves all rows: the amortisation gap."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float64
from torch import Tensor
from torch.distributions import Normal

from genlatent.errors import Unsupported
from genlatent.numerics.logspace import log_mean_exp
from genlatent.objectives.dimensions import factors


class Gaps(NamedTuple):
    """Bounds on log p(x) of each row, in nats: by the encoder, by a q of its own, and by importance sampling."""

    amortised: Float64[Tensor, " batch"]
    optimised: Float64[Tensor, " batch"]
    marginal: Float64[Tensor, " batch"]

    @property
    def amortisation(self) -> Float64[Tensor, " batch"]:
        """What a q of its own would gain over the encoder's."""
        return self.optimised - self.amortised

    @property
    def approximation(self) -> Float64[Tensor, " batch"]:
        """What is left to log p(x), estimated from below: the family of q is too narrow."""
        return self.marginal - self.optimised


def amortisation_gap(
    model: Any,
    x: Tensor,
    *,
    steps: int = 500,
    learning_rate: float = 0.02,
    particles: int = 16,
    num_samples: int = 1000,
    generator: torch.Generator | None = None,
) -> Gaps:
    r"""The bound with the encoder's q(z | x) against one with a normal optimised for every row by itself.

    .. math:: \max_{\mu, \sigma} \mathcal{L}(x; \mu, \sigma) - \mathcal{L}(x; f(x))

    Both bounds are averages over `num_samples` draws with the same noise; log p(x) is estimated by that many
    importance samples from the optimised q. No weight of the model moves.

    References:
        Inference suboptimality in variational autoencoders (Cremer, Li and Duvenaud, 2018)

    Args:
        model: a VAE whose posterior is a diagonal normal.
        x: rows, each of which gets its own mean and scale.
    """
    model.check(x)
    with model.asked(generator):
        rows = model.split(x)[0]
        q = factors(model.infer(rows))
        if not isinstance(q, Normal):
            raise Unsupported("the amortisation gap is computed for diagonal normal posteriors")
        start = q.loc.detach(), q.scale.detach()
        own = _optimised(model, x, start, steps, learning_rate, particles)
        noise = torch.randn(num_samples, *start[0].shape, dtype=x.dtype, device=x.device)
        by_encoder, by_own = (_log_weights(model, x, *q, noise).double() for q in (start, own))
    return Gaps(by_encoder.mean(0), by_own.mean(0), log_mean_exp(by_own))


def _optimised(
    model: Any, x: Tensor, start: tuple[Tensor, Tensor], steps: int, learning_rate: float, particles: int
) -> tuple[Tensor, Tensor]:
    """Means and scales, one for each row, after descent from the encoder's."""
    with torch.enable_grad():
        mean, log_scale = start[0].clone().requires_grad_(), start[1].log().requires_grad_()
        optimizer = torch.optim.Adam([mean, log_scale], lr=learning_rate)
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = learning_rate * (1 - step / steps)
            noise = torch.randn(particles, *mean.shape, dtype=x.dtype, device=x.device)
            loss = -_log_weights(model, x, mean, log_scale.exp(), noise).mean(0).sum()
            mean.grad, log_scale.grad = torch.autograd.grad(loss, [mean, log_scale])
            optimizer.step()
    return mean.detach(), log_scale.detach().exp()


def _log_weights(model: Any, x: Tensor, mean: Tensor, scale: Tensor, noise: Tensor) -> Tensor:
    """log p(x, z) - log q(z) for draws of normals, `(draw, batch)`."""
    q = Normal(mean, scale)
    z = mean + scale * noise
    rows, observed = model.split(x)
    log_x = -model.likelihood.loss(model.params(z), rows, observed)
    return log_x + model.prior().log_prob(z) - q.log_prob(z).flatten(2).sum(-1)
