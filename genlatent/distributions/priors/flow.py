"""A standard normal, bent into the shape that the model needs."""

from collections.abc import Sequence

import pyro.distributions as dist
import torch
from torch import Tensor, nn

from genlatent.distributions import flows
from genlatent.distributions.base import Prior
from genlatent.distributions.distribution import Distribution
from genlatent.errors import RecipeError


class Flow(Prior):
    r"""A normalizing flow, :math:`z = T_n \circ \dots \circ T_1(u)` with :math:`u \sim \mathcal{N}(0, I)`.

    .. math:: p(z) = \mathcal{N}(u; 0, I) \prod_i \bigl|\det \partial T_i\bigr|^{-1}

    Args:
        transform: `affine-coupling`, `affine-autoregressive`, `spline`, `spline-coupling`, `spline-autoregressive`,
            `householder` or `matrix-exponential`. Autoregressive ones score at once and draw one value at a time.
        count: number of transforms; the order of the latents is turned round between them.
        hidden: units of each hidden layer inside a transform.

    References:
        Variational inference with normalizing flows (Rezende and Mohamed, 2015)

    >>> flow = Flow("affine-coupling", count=2, hidden=[16], event_shape=[3])
    >>> flow().sample((5,)).shape
    torch.Size([5, 3])
    """

    origin: Tensor

    def __init__(
        self,
        transform: str = "affine-coupling",
        count: int = 4,
        hidden: Sequence[int] = (64,),
        event_shape: Sequence[int] | None = None,
    ):
        flows.check(transform, flows.FREE, count)
        if transform in flows.ONE_WAY:
            raise RecipeError(
                f"a prior is drawn from and scored, and {transform!r} goes one way only; use affine-coupling"
            )
        super().__init__()
        self.transform, self.count, self.hidden = transform, count, tuple(hidden)
        self.register_buffer("origin", torch.zeros(()), persistent=False)
        if event_shape is not None:
            self.bind(event_shape)

    def bind(self, event_shape: Sequence[int]) -> None:
        """Fix the shape of one z, a vector, and make the transforms."""
        made = self.event_shape is not None
        super().bind(event_shape)
        if not made:
            width = flows.width(self.event_shape, self.transform)
            self.layers = nn.ModuleList(flows.free(self.transform, width, self.hidden) for _ in range(self.count))

    def forward(self) -> Distribution:
        """The distribution of one z."""
        loc = self.origin.expand(self.event_shape)
        steps = [flows.fresh(layer) for layer in self.layers]
        if self.transform in flows.SCORED_BACKWARDS:
            steps = [step.inv for step in steps]
        return dist.TransformedDistribution(dist.Normal(loc, torch.ones_like(loc)).to_event(1), flows.turned(steps))
