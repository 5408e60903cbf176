"""What a user brings: a module whose call returns a Pyro distribution."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from genlatent.distributions.distribution import Distribution
from genlatent.distributions.missing import masked
from genlatent.distributions.mixtures import with_plain_support
from genlatent.distributions.supports import Support, check
from genlatent.errors import RecipeError


class Conditional(nn.Module):
    """A distribution over one event, whose shape the model sets once by :meth:`bind`."""

    event_shape: Any  # a torch.Size once it is bound

    def __init__(self, event_shape: Sequence[int] | None = None):
        super().__init__()
        self.event_shape = None
        if event_shape is not None:
            self.bind(event_shape)

    def bind(self, event_shape: Sequence[int]) -> None:
        """Fix the shape of one event; parameters that depend on it are made here."""
        shape = torch.Size(event_shape)
        if self.event_shape is not None and self.event_shape != shape:
            raise RecipeError(
                f"{type(self).__name__} has events of shape {tuple(self.event_shape)}, not {tuple(shape)}"
            )
        self.event_shape = shape

    def num_params(self, event_shape: torch.Size) -> int:
        """Network outputs needed for one event."""
        return event_shape.numel()

    def blocks(self, params: Tensor, count: int) -> tuple[Tensor, ...]:
        """`count` parameters for each cell, `(*batch, count * cells)` -> `count` tensors `(*batch, *event)`."""
        return params.unflatten(-1, (count, *self.event_shape)).unbind(-1 - len(self.event_shape))


class Likelihood(Conditional):
    r"""p(x \| params): what a decoder's outputs mean.

    A new one states its support, the number of network outputs and the distribution; everything else follows.
    """

    support: Support = "real"
    unit = "nats"

    def forward(self, params: Tensor) -> Distribution:
        """`(*batch, num_params)` -> a distribution over `(*batch, *event)`."""
        raise NotImplementedError

    def mean(self, params: Tensor) -> Tensor:
        """The mean of x, for pictures and reconstructions; a distribution without one is averaged over draws."""
        distribution: Any = self(params)
        try:
            return distribution.mean
        except NotImplementedError:
            return distribution.sample((100,)).mean(0)

    def loss(self, params: Tensor, x: Tensor, observed: Tensor | None = None) -> Tensor:
        """Negative log-likelihood of each row, in nats; of its observed cells where some are missing."""
        distribution: Any = self(params)
        return -(distribution if observed is None else masked(distribution, observed)).log_prob(x)

    def params_at(self, mean: Tensor) -> Tensor | None:
        """Parameters at which x has this mean, flat, for the decoder's first biases; None where nobody knows."""
        return None

    def check(self, x: Tensor, *, missing: bool = False) -> None:
        """Refuse data outside the support, by name."""
        check(x, self.support, type(self).__name__, missing=missing)


class Prior(Conditional):
    """p(z): called without arguments, it returns a distribution over one latent event."""

    from_encoder = False  # whether it is made of the model's q(z | x), and so has its shape from there

    def forward(self) -> Distribution:
        """A distribution over one latent event, without batch dimensions."""
        raise NotImplementedError

    def __call__(self) -> Distribution:
        """What :meth:`forward` returns, with the support of a mixture stated so that samplers can move in it."""
        return with_plain_support(super().__call__())

    def attach(self, infer: Callable[[Tensor], Any], event_shape: torch.Size, support: Support) -> None:
        """Meet the model: q(z | x) of rows of x, their shape and support. Most priors need nothing of it."""

    def prepare(self, x: Tensor) -> None:
        """Set what training rows decide before the first step."""


class Posterior(Conditional):
    r"""q(z \| params): what an encoder's outputs mean."""

    def forward(self, params: Tensor) -> Distribution:
        """`(*batch, num_params)` -> a distribution over `(*batch, *latent)`."""
        raise NotImplementedError
