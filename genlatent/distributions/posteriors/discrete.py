"""Posteriors of bits and classes, exact or relaxed to values in between."""

from collections.abc import Sequence

import pyro.distributions as dist
from torch import Tensor

from genlatent.distributions.base import Posterior
from genlatent.distributions.distribution import Distribution


class Bernoulli(Posterior):
    r"""Independent bits, :math:`q(z_j = 1 \mid x) = \sigma(\eta_j)`.

    Draws carry no gradient: the objective scores them, or sums over all values.
    """

    def forward(self, params: Tensor) -> Distribution:
        """`params` are logits."""
        return dist.Bernoulli(logits=params.unflatten(-1, self.event_shape)).to_event(len(self.event_shape))


class Categorical(Posterior):
    r"""One-hot vectors over the last dimension of z, :math:`q(z = e_k \mid x) = \mathrm{softmax}(\eta)_k`.

    Args:
        straight_through: let gradients pass the draws as if they were the probabilities; otherwise draws carry no
            gradient, and the objective scores them or sums over all values.
    """

    def __init__(self, straight_through: bool = False, event_shape: Sequence[int] | None = None):
        super().__init__(event_shape)
        self.straight_through = straight_through

    def forward(self, params: Tensor) -> Distribution:
        """`params` are logits."""
        kind = dist.OneHotCategoricalStraightThrough if self.straight_through else dist.OneHotCategorical
        return kind(logits=params.unflatten(-1, self.event_shape)).to_event(len(self.event_shape) - 1)


class Relaxed(Posterior):
    """Values between those of a discrete posterior, whose draws carry gradients.

    Args:
        temperature: the lower, the nearer to the discrete values, and the noisier the gradients.
    """

    def __init__(self, temperature: float = 0.5, event_shape: Sequence[int] | None = None):
        if temperature <= 0:
            raise ValueError(f"temperature must be positive, got {temperature}")
        super().__init__(event_shape)
        self.temperature = temperature


class RelaxedBernoulli(Relaxed):
    r"""Bits relaxed to values between 0 and 1, :math:`z_j = \sigma((\eta_j + \mathrm{logit}\, u_j) / \tau)`.

    Its prior is `Bernoulli(temperature=...)`, relaxed as well.

    References:
        The Concrete distribution (Maddison, Mnih and Teh, 2017)
    """

    def forward(self, params: Tensor) -> Distribution:
        """`params` are logits."""
        logits = params.unflatten(-1, self.event_shape)
        heat = logits.new_full((), self.temperature)
        return dist.RelaxedBernoulli(heat, logits=logits).to_event(len(self.event_shape))


class Concrete(Relaxed):
    r"""One-hot vectors relaxed to shares, :math:`z = \mathrm{softmax}((\eta + g) / \tau)` with Gumbel noise g.

    Its prior is `Categorical(temperature=...)`, relaxed as well.

    References:
        The Concrete distribution (Maddison, Mnih and Teh, 2017); Categorical reparameterization with Gumbel-softmax
        (Jang, Gu and Poole, 2017)
    """

    def forward(self, params: Tensor) -> Distribution:
        """`params` are logits."""
        logits = params.unflatten(-1, self.event_shape)
        heat = logits.new_full((), self.temperature)
        return dist.RelaxedOneHotCategorical(heat, logits=logits).to_event(len(self.event_shape) - 1)
