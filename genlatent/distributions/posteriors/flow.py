"""A posterior of any shape: a normal one, bent as the encoder says."""

from collections.abc import Sequence

import pyro.distributions as dist
import torch
from torch import Tensor, nn

from genlatent.distributions import flows
from genlatent.distributions.base import Posterior
from genlatent.distributions.distribution import Distribution


class Bent(dist.TransformedDistribution):
    """Pyro's, which also scores values of fewer rows than it has itself, as a mixture asks it to."""

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density of each row; the very tensor that was drawn is recognised, and needs no inversion."""
        shape = torch.broadcast_shapes(value.shape, self.batch_shape + self.event_shape)
        return super().log_prob(value if value.shape == shape else value.expand(shape))


class Flow(Posterior):
    r"""A conditional normalizing flow, :math:`z = T_n(\cdots T_1(u; h) \cdots; h)`.

    .. math:: \log q(z \mid x) = \log \mathcal{N}(u; \mu, e^\ell) - \sum_i \log \bigl|\det \partial T_i\bigr|

    The encoder gives :math:`\mu, \ell` and the context :math:`h`. Scoring other values than its own draws inverts the
    transforms: one pass for each latent with the autoregressive ones, in eager mode only, and impossible with `planar`
    and `radial`; under a VampPrior, which asks for it, take `affine-coupling` or `spline`.

    Args:
        transform: `affine-autoregressive` (inverse autoregressive flow), `affine-coupling`, `spline`,
            `spline-autoregressive`, `planar` or `radial`.
        count: number of transforms; the order of the latents is turned round between them.
        context: length of h.
        hidden: units of each hidden layer inside a transform.

    References:
        Improving variational inference with inverse autoregressive flow (Kingma et al., 2016)

    >>> Flow(event_shape=[3])(torch.zeros(2, 22)).sample().shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        transform: str = "affine-autoregressive",
        count: int = 2,
        context: int = 16,
        hidden: Sequence[int] = (64,),
        event_shape: Sequence[int] | None = None,
    ):
        flows.check(transform, flows.STEERED, count)
        if context < 1:
            raise ValueError(f"context must be at least 1, got {context}")
        super().__init__()
        self.transform, self.count, self.context, self.hidden = transform, count, context, tuple(hidden)
        if event_shape is not None:
            self.bind(event_shape)

    def bind(self, event_shape: Sequence[int]) -> None:
        """Fix the shape of one z, a vector, and make the transforms."""
        made = self.event_shape is not None
        super().bind(event_shape)
        if not made:
            width = flows.width(self.event_shape, self.transform)
            layers = (flows.steered(self.transform, width, self.context, self.hidden) for _ in range(self.count))
            self.layers = nn.ModuleList(layers)

    def num_params(self, event_shape: torch.Size) -> int:
        """A mean and a log variance for each latent value, and the context."""
        return 2 * event_shape.numel() + self.context

    def forward(self, params: Tensor) -> Distribution:
        """The distribution of z for each row."""
        width = self.event_shape[0]
        loc, log_variance, context = params.split([width, width, self.context], -1)
        steps = [layer.condition(context) for layer in self.layers]  # pyright: ignore[reportCallIssue]
        normal = dist.Normal(loc, (log_variance / 2).exp()).to_event(1)
        return Bent(normal, flows.turned(steps))
